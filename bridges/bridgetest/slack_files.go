package bridgetest

import (
	"fmt"
	"mime"
	"net/http"
	"strings"
)

type slackFile struct {
	slackWireFile
	data    []byte
	done    bool // completeUploadExternal was called, or a person has shared it
	deleted bool
	app     *SlackApp // who uploads it, nil for a person
	seenIn  []*SlackChannel
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
