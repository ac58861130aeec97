package discord

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
)

// maxDownload bounds what is fetched. Voice messages may last 20 minutes, which is about 6 MB.
const maxDownload = 25 << 20

// cdn are Discord's own hosts of files.
var cdn = map[string]bool{"cdn.discordapp.com": true, "media.discordapp.net": true}

// Attachment implements bridges.Fetcher. An attachment's address works for a day only, so it is asked for anew.
func (b *Bridge) Attachment(ctx context.Context, a bridges.Attachment) (*bridges.File, error) {
	part := strings.Split(a.Ref, "/")
	if len(part) != 3 || toID(part[0]) == "" || toID(part[1]) == "" || toID(part[2]) == "" {
		return nil, fault.Reject("the file is none of Discord's", nil)
	}
	var m message
	err := b.get(ctx, "GET /channels/messages", "/channels/"+part[0]+"/messages/"+part[1], &m)
	if status := statusOf(err); status == http.StatusNotFound || status == http.StatusForbidden {
		return nil, fault.Reject("the message with the file is gone, or the bot may not read the channel's history", err)
	}
	if err != nil {
		return nil, err
	}
	for _, f := range m.Attachments {
		if string(f.ID) == part[2] {
			data, err := b.download(ctx, string(f.URL))
			if err != nil {
				return nil, err
			}
			return &bridges.File{Name: string(f.Filename), Type: string(f.Type), Data: data}, nil
		}
	}
	return nil, fault.Reject("the file is gone", nil)
}

// download reads a file of Discord's, or of the server at api_url. Its address works for everybody who knows it, so no error has it.
func (b *Bridge) download(ctx context.Context, link string) ([]byte, error) {
	u, err := url.Parse(link)
	if err != nil || !b.trusts(u) {
		return nil, fault.Reject("the file is not on Discord's servers", nil)
	}
	ctx, cancel := context.WithTimeout(ctx, fileTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, fault.Reject("the file's address cannot be read", nil)
	}
	resp, err := b.transport.RoundTrip(req) // which follows no redirect
	if err != nil {
		return nil, fault.NoAnswer(u.Hostname(), err)
	}
	defer func() { _ = resp.Body.Close() }() // was only read
	switch {
	case resp.StatusCode == http.StatusNotFound || resp.StatusCode == http.StatusForbidden:
		return nil, fault.Reject("the file is gone", nil)
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("fetch a file: status %d", resp.StatusCode)
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxDownload+1))
	if err != nil {
		return nil, fault.NoAnswer(u.Hostname(), err)
	}
	if len(data) > maxDownload {
		return nil, fault.Reject("the file is too large", nil)
	}
	return data, nil
}

// trusts reports whether a file may be fetched from u.
func (b *Bridge) trusts(u *url.URL) bool {
	api, err := url.Parse(b.cfg.APIURL)
	own := err == nil && u.Host == api.Host && u.Scheme == api.Scheme
	return own || u.Scheme == "https" && cdn[strings.ToLower(u.Host)]
}
