package slack

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"path"
	"strings"

	slackapi "github.com/slack-go/slack"

	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
)

// maxUpload bounds what is sent: Slack takes files of up to 1 GB, which nobody listens to.
const maxUpload = 100 << 20

// upload sends a sound: it is announced, uploaded, and shared, which alone people see. The file's name holds the post's id, for nothing
// else of the message can.
func (b *Bridge) upload(ctx context.Context, m *bridges.Message) (string, error) {
	form := m.Forms[0]
	if form.Audio == nil || b.media == nil {
		return "", fault.Reject("there is no sound to upload", nil)
	}
	f, err := b.media.Fetch(ctx, *form.Audio, "")
	switch {
	case err != nil:
		return "", err
	case f == nil || len(f.Data) == 0 || len(f.Data) > maxUpload:
		return "", fault.Reject("there is no sound to upload, or it is too large", nil)
	}
	id, to, err := b.announce(ctx, fileName(m.ID, f), len(f.Data))
	if err != nil {
		return "", harmlessly(err)
	}
	if err := b.put(ctx, to, f); err != nil {
		return "", err
	}
	x, err := b.call(ctx, "files.completeUploadExternal", func(ctx context.Context, api *slackapi.Client) error {
		_, err := api.CompleteUploadExternalContext(ctx, slackapi.CompleteUploadExternalParameters{
			Files: []slackapi.FileSummary{{ID: id, Title: "Audio"}}, Channel: m.Place.Channel, ThreadTimestamp: m.Place.Thread,
		})
		return err
	})
	if named(err) == "missing_scope" {
		return "", fault.Reject("the app lacks the scope files:write; the link is posted instead", err)
	}
	_, err = b.posted(x, err) // the answer does not name the message
	if err == nil {
		b.status.end(m.Place, nil)
	}
	return "", err
}

// fileName is a name with the post's id in it.
func fileName(id string, f *bridges.File) string {
	ext := path.Ext(f.Name)
	if ext == "" {
		if all, err := mime.ExtensionsByType(f.Type); err == nil && len(all) > 0 {
			ext = all[0]
		}
	}
	return fileStem(id) + ext
}

func fileStem(id string) string { return "audio-" + id }

// announce asks where a file may be uploaded.
func (b *Bridge) announce(ctx context.Context, name string, size int) (id, to string, err error) {
	x, err := b.call(ctx, "files.getUploadURLExternal", func(ctx context.Context, api *slackapi.Client) error {
		_, err := api.GetUploadURLExternalContext(ctx, slackapi.GetUploadURLExternalParameters{FileName: name, FileSize: size})
		return err
	})
	if err != nil {
		b.suspect(err)
		return "", "", err
	}
	var at struct {
		ID  string `json:"file_id"`
		URL string `json:"upload_url"`
	}
	if decode(x.body, &at) != nil || at.ID == "" || at.URL == "" {
		return "", "", fault.Unsure(x.unreadable())
	}
	return at.ID, at.URL, nil
}

// harmlessly says of a failed preparation that nobody has seen anything of it yet.
func harmlessly(err error) error {
	o := fault.Of(err)
	switch {
	case named(err) == "missing_scope":
		return fault.Reject("the app lacks the scope files:write; the link is posted instead", o.Err)
	case o.Kind == fault.Unclear:
		return &fault.Outcome{Kind: fault.Retry, Reason: o.Reason, Err: o.Err}
	}
	return o
}

// put uploads a file's bytes. The address is a credential: no error may hold it.
func (b *Bridge) put(ctx context.Context, to string, f *bridges.File) error {
	ctx, cancel := context.WithTimeout(ctx, fileTimeout)
	defer cancel()
	u, err := url.Parse(to)
	if err != nil || !b.trusts(u) {
		return fault.Reject("Slack named an address to upload to that is not its own", errNotTrusted)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(f.Data))
	if err != nil {
		return fault.Reject("the address to upload to cannot be read", nil)
	}
	req.Header.Set("Content-Type", "application/octet-stream")
	resp, err := b.client.Do(req)
	if err != nil {
		return fmt.Errorf("upload a file: %w", fault.Cause(err))
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<16)) // the status counts
	switch {
	case resp.StatusCode == http.StatusTooManyRequests:
		return fault.Throttle(fault.Channel, pauseOf(resp.Header), fmt.Errorf("upload a file: status %d", resp.StatusCode))
	case resp.StatusCode >= 500:
		return fmt.Errorf("upload a file: status %d", resp.StatusCode)
	case resp.StatusCode >= 300:
		return fault.Reject("Slack does not take the file", fmt.Errorf("upload a file: status %d", resp.StatusCode))
	}
	return nil
}

// isUpload reports whether a file is the one that was uploaded for a post.
func (f *file) isUpload(id string) bool {
	return f.Name == fileStem(id) || strings.HasPrefix(f.Name, fileStem(id)+".")
}
