package slack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	slackapi "github.com/slack-go/slack"

	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
)

// maxDownload bounds what is fetched.
const maxDownload = 20 << 20

// Attachment implements bridges.Fetcher: the file's address is asked for, since only members' events hold it, and is given the token only
// where it is Slack's own or on the host of api_url.
func (b *Bridge) Attachment(ctx context.Context, a bridges.Attachment) (*bridges.File, error) {
	x, err := b.call(ctx, "files.info", func(ctx context.Context, api *slackapi.Client) error {
		_, _, _, err := api.GetFileInfoContext(ctx, a.Ref, 0, 0)
		return err
	})
	if err != nil {
		b.suspect(err)
		if named(err) == "missing_scope" {
			return nil, fault.Reject("the app lacks the scope files:read", err)
		}
		return nil, lookedOnly(err)
	}
	var said struct {
		File struct {
			Name     string `json:"name"`
			Mimetype string `json:"mimetype"`
			Size     int64  `json:"size"`
			Private  string `json:"url_private"`
			Download string `json:"url_private_download"`
		} `json:"file"`
	}
	if decode(x.body, &said) != nil {
		return nil, fault.Reject("nothing is known of the file", x.unreadable())
	}
	f := said.File
	if f.Size > maxDownload {
		return nil, fault.Reject("the file is too large", errors.New("over 20 MB"))
	}
	data, err := b.download(ctx, or(f.Download, f.Private))
	if err != nil {
		return nil, err
	}
	return &bridges.File{Name: or(a.Name, f.Name), Type: or(f.Mimetype, a.Type), Data: data}, nil
}

// download reads a file with the bot token.
func (b *Bridge) download(ctx context.Context, from string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, fileTimeout)
	defer cancel()
	u, err := url.Parse(from)
	if err != nil || !b.trusts(u) {
		return nil, fault.Reject("the file is kept elsewhere than at Slack", errNotTrusted)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return nil, fault.Reject("the file's address cannot be read", nil)
	}
	req.Header.Set("Authorization", "Bearer "+b.cfg.BotToken)
	resp, err := b.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("fetch a file: %w", fault.Cause(err))
	}
	defer resp.Body.Close()
	switch status := fmt.Errorf("fetch a file: status %d", resp.StatusCode); {
	case resp.StatusCode == http.StatusTooManyRequests:
		return nil, fault.Throttle(fault.Channel, pauseOf(resp.Header), status)
	case resp.StatusCode >= 500:
		return nil, status
	case resp.StatusCode >= 300 && resp.StatusCode < 400: // to the sign-in page
		return nil, fault.Reject("the app may not read the file: it needs the scope files:read, and must be in the channel", status)
	case resp.StatusCode != http.StatusOK:
		return nil, fault.Reject("the file is gone", status)
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxDownload+1))
	if err != nil {
		return nil, fmt.Errorf("fetch a file: %w", fault.Cause(err))
	}
	if len(data) > maxDownload {
		return nil, fault.Reject("the file is too large", errors.New("over 20 MB"))
	}
	return data, nil
}
