package bridgetest

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strconv"
)

// maxSlackFile is the largest file that Slack takes.
const maxSlackFile = 1 << 30

type slackUpload struct {
	file *slackFile
	got  bool
}

// uploadURL is files.getUploadURLExternal.
func (s *Slack) uploadURL(c *slackCall) *slackAnswer {
	size, err := strconv.ParseInt(c.p.text("length"), 10, 64)
	switch {
	case err != nil || size <= 0:
		return slackFailure("missing_argument") // documented for a length that is no size
	case size > maxSlackFile:
		return slackFailure("file_upload_size_restricted")
	}
	f := s.newFile(c.p.text("filename"), c.app.User.ID, c.app.Team.ID)
	f.app, f.Size = c.app, size
	path := "/upload/v1/" + randomText(60)
	s.uploads[path] = &slackUpload{file: f}
	return slackGood(map[string]any{"upload_url": s.base() + path, "file_id": f.ID})
}

// serveUpload takes a file's bytes, plain or as a form. The URL works once and needs no token.
func (s *Slack) serveUpload(w http.ResponseWriter, r *http.Request) {
	s.faults.plain(s, w, r, slackWireCall{method: "upload"}, func() (int, string) {
		data, mediaType, err := uploadedSlack(r)
		s.mu.Lock()
		defer s.mu.Unlock()
		u := s.uploads[r.URL.Path]
		switch {
		case r.Method != http.MethodPost:
			return http.StatusMethodNotAllowed, "method not allowed"
		case u == nil || u.got:
			return http.StatusNotFound, "no such upload"
		case err != nil || int64(len(data)) != u.file.Size:
			return http.StatusBadRequest, "the length is not as announced"
		}
		u.file.fill(data, mediaType)
		u.got = true
		return http.StatusOK, fmt.Sprintf("OK - %d", len(data))
	})
}

func uploadedSlack(r *http.Request) (data []byte, mediaType string, err error) {
	kind, args, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if kind != "multipart/form-data" {
		data, err = io.ReadAll(io.LimitReader(r.Body, maxBody))
		return data, "", err
	}
	parts := multipart.NewReader(r.Body, args["boundary"])
	for {
		part, err := parts.NextPart()
		if err != nil {
			return nil, "", err
		}
		if part.FileName() == "" {
			continue
		}
		data, err = io.ReadAll(part)
		return data, "", err
	}
}

// completeUpload is files.completeUploadExternal: it shares the files in one message of the app. The answer does not say which.
func (s *Slack) completeUpload(c *slackCall) *slackAnswer {
	var asked []struct {
		ID    string `json:"id"`
		Title string `json:"title"`
	}
	if json.Unmarshal([]byte(c.p.text("files")), &asked) != nil || len(asked) == 0 {
		return invalidSlackArgs("files must be a list of objects with an id")
	}
	var files []*slackFile
	for _, one := range asked {
		f := s.files[one.ID]
		if f == nil || f.app != c.app || f.data == nil {
			return slackFailure("file_not_found")
		}
		if one.Title != "" {
			f.Title = one.Title
		}
		files = append(files, f)
	}
	var post *SlackPost
	if c.channel() != "" {
		var refused *slackAnswer
		if post, refused = s.shareFiles(c, files); refused != nil {
			return refused
		}
	}
	list := make([]slackWireFile, len(files))
	for i, f := range files {
		f.done = true
		list[i] = f.slackWireFile
		list[i].Shares = nil // sharing happens behind the answer
	}
	a := slackGood(map[string]any{"files": list})
	a.post = post
	return a
}

func (s *Slack) shareFiles(c *slackCall, files []*slackFile) (*SlackPost, *slackAnswer) {
	ch, refused := s.writable(c)
	if refused != nil {
		return nil, refused
	}
	text := c.p.text("initial_comment")
	got := &slackContent{text: text, pings: slackPings(text)}
	m := s.botMessage(c.app, got)
	m.Subtype, m.Upload = "file_share", new(bool)
	if refused := s.inThread(ch, m, c.thread(), false); refused != nil {
		return nil, refused
	}
	m.Files = s.share(ch, m, files)
	post := s.publish(c.app, ch, m, got, c.method)
	for _, f := range files {
		post.Files = append(post.Files, SentFile{Name: f.Name, Type: f.Mimetype, Data: f.data})
	}
	s.log.add(post)
	return post, nil
}
