package telegram

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"

	tgbotapi "github.com/go-telegram-bot-api/telegram-bot-api/v5"

	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
)

// maxDownload is what a bot may fetch: https://core.telegram.org/bots/api#getfile. A server of one's own may give more.
const maxDownload = 20 << 20

var _ bridges.Fetcher = (*Bridge)(nil)

// Attachment fetches a file that somebody sent from the Bot API server at api_url, as bridges.Fetcher describes.
func (b *Bridge) Attachment(ctx context.Context, a bridges.Attachment) (*bridges.File, error) {
	var file struct {
		Path string `json:"file_path"`
	}
	if err := b.get(ctx, "getFile", tgbotapi.Params{"file_id": a.Ref}, &file); err != nil {
		return nil, err
	}
	if file.Path == "" || strings.HasPrefix(file.Path, "/") {
		return nil, fault.Reject("the Bot API server at api_url serves files from its own disk only: start it without --local", nil)
	}
	data, err := b.download(ctx, file.Path)
	if err != nil {
		return nil, err
	}
	name := a.Name
	if name == "" {
		name = path.Base(file.Path)
	}
	return &bridges.File{Name: name, Type: a.Type, Data: data}, nil
}

// download reads a file. Its URL holds the token, so no error may.
func (b *Bridge) download(ctx context.Context, file string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, fileTimeout)
	defer cancel()
	link := strings.TrimRight(b.cfg.APIURL, "/") + "/file/bot" + b.cfg.Token + "/" + (&url.URL{Path: file}).EscapedPath()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, link, nil)
	if err != nil {
		return nil, fault.Reject("the file's address cannot be read", nil)
	}
	resp, err := b.transport.RoundTrip(req)
	if err != nil {
		return nil, fmt.Errorf("fetch a file: %w", b.clean(err))
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusNotFound:
		return nil, fault.Reject("the file is gone", nil)
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("fetch a file: status %d", resp.StatusCode)
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxDownload+1))
	if err != nil {
		return nil, fmt.Errorf("fetch a file: %w", b.clean(err))
	}
	if len(data) > maxDownload {
		return nil, fault.Reject("the file is too large", errors.New("over 20 MB"))
	}
	return data, nil
}
