package bridgetest

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
)

// maxSlackFile is the largest file that Slack takes.
const maxSlackFile = 1 << 30

type slackFile struct {
	slackWireFile
	data    []byte
	done    bool // completeUploadExternal was called, or a person has shared it
	deleted bool
	app     *SlackApp // who uploads it, nil for a person
	seenIn  []*SlackChannel
}

type slackUpload struct {
	file *slackFile
	got  bool
}

// newFile needs s.mu.
func (s *Slack) newFile(name, owner, team string) *slackFile {
	id := s.id("F")
	now := s.clock.now().Unix()
	ext := name[strings.LastIndexByte(name, '.')+1:]
	f := &slackFile{slackWireFile: slackWireFile{
		ID: id, Created: now, Timestamp: now, Name: name, Title: name, Filetype: ext, User: owner, UserTeam: team, Mode: "hosted",
		Private:  fmt.Sprintf("%s/files-pri/%s-%s/%s", s.base(), team, id, name),
		Download: fmt.Sprintf("%s/files-pri/%s-%s/download/%s", s.base(), team, id, name),
	}}
	f.Permalink = "https://slack.example/files/" + owner + "/" + id
	s.files[id] = f
	return f
}

// fill sets a file's content.
func (f *slackFile) fill(data []byte, mediaType string) {
	if mediaType == "" {
		mediaType = sniff(data)
	}
	f.data, f.Size = data, int64(len(data))
	f.Mimetype, _, _ = mime.ParseMediaType(mediaType)
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

// share notes where files were shared and returns them as the message shows them.
func (s *Slack) share(ch *SlackChannel, m *slackMessage, files []*slackFile) []slackWireFile {
	list := make([]slackWireFile, len(files))
	for i, f := range files {
		f.done = true
		f.seenIn = append(f.seenIn, ch)
		kind := "private"
		switch ch.kind {
		case "channel":
			kind = "public"
			f.Channels = append(f.Channels, ch.ID)
		case "im":
			f.Directs = append(f.Directs, ch.ID)
		default:
			f.Groups = append(f.Groups, ch.ID)
		}
		list[i] = f.slackWireFile
		shares := map[string]map[string][]slackWireShare{}
		for k, v := range f.Shares {
			shares[k] = v
		}
		shares[kind] = map[string][]slackWireShare{ch.ID: {{TS: m.TS, ThreadTS: m.ThreadTS, TeamID: ch.team.ID}}}
		f.Shares = shares
	}
	return list
}

// visible returns a file that the app may see.
func (s *Slack) visible(a *SlackApp, id string) (*slackFile, *slackAnswer) {
	f := s.files[id]
	switch {
	case f == nil || !f.done && f.app != a:
		return nil, slackFailure("file_not_found")
	case f.deleted:
		return nil, slackFailure("file_deleted")
	case f.app == a:
		return f, nil
	}
	for _, ch := range f.seenIn {
		if ch.members[a.User.ID] {
			return f, nil
		}
	}
	return nil, slackFailure("file_not_found")
}

// fileInfo is files.info.
func (s *Slack) fileInfo(c *slackCall) *slackAnswer {
	f, refused := s.visible(c.app, c.p.text("file"))
	if refused != nil {
		return refused
	}
	return slackGood(map[string]any{"file": f.slackWireFile, "comments": []any{}, "response_metadata": map[string]any{"next_cursor": ""}})
}

// deleteFile is files.delete.
func (s *Slack) deleteFile(c *slackCall) *slackAnswer {
	f, refused := s.visible(c.app, c.p.text("file"))
	switch {
	case refused != nil:
		return refused
	case f.app != c.app:
		return slackFailure("cant_delete_file")
	}
	f.deleted = true
	return slackGood(nil)
}

// serveDownload serves url_private and url_private_download to the bearer of a token with files:read; others are sent to the sign-in
// page, which is a success to who follows blindly.
func (s *Slack) serveDownload(w http.ResponseWriter, r *http.Request) {
	s.faults.plain(s, w, r, slackWireCall{method: "download"}, func() (int, string) {
		s.mu.Lock()
		defer s.mu.Unlock()
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		rest, _ := strings.CutPrefix(r.URL.Path, "/files-pri/")
		key, _, _ := strings.Cut(rest, "/")
		_, id, _ := strings.Cut(key, "-")
		for _, a := range s.apps {
			if a.BotToken != token || a.tokenError != "" || !a.hasAny("files:read") {
				continue
			}
			f, refused := s.visible(a, id)
			if refused != nil {
				return http.StatusNotFound, "not found"
			}
			w.Header().Set("Content-Type", f.Mimetype)
			return http.StatusOK, string(f.data)
		}
		w.Header().Set("Location", s.base()+"/?redir="+r.URL.Path)
		return http.StatusFound, ""
	})
}
