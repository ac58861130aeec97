package bridgetest

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// maxBody is more than the largest upload that Telegram takes (50 MB) with its form around it.
const maxBody = 52 << 20

// params are a call's parameters, however they were sent. Objects and lists are JSON text, as Telegram defines for forms.
type params struct {
	values map[string]string
	files  map[string]*upload
}

type upload struct {
	name string
	data []byte
}

func (p params) text(name string) string { return p.values[name] }

func (p params) truth(name string) bool {
	v := strings.ToLower(p.values[name])
	return v == "true" || v == "yes" || v == "1"
}

// number returns def when the parameter is missing or no number, as Telegram does, and holds it between lo and hi.
func (p params) number(name string, def, lo, hi int) int {
	n, err := strconv.Atoi(p.values[name])
	if err != nil {
		n = def
	}
	return min(max(n, lo), hi)
}

// list returns a JSON list of strings; ok is false when it is missing or something else.
func (p params) list(name string) (items []string, ok bool) {
	v := p.values[name]
	if v == "" || json.Unmarshal([]byte(v), &items) != nil {
		return nil, false
	}
	return items, true
}

// readParams reads query, JSON, form and multipart parameters. The answer is not nil when the request is refused for its form.
func readParams(r *http.Request) (params, *answer) {
	p := params{values: map[string]string{}}
	if r.URL.RawQuery != "" {
		p.addAll(r.URL.Query())
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return p, badRequest("can't read the request")
	}
	if len(body) > maxBody {
		_, _ = io.Copy(io.Discard, r.Body) // else the client may not get to read the answer
		return p, failure(http.StatusRequestEntityTooLarge, "Request Entity Too Large")
	}
	kind, args, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case len(body) == 0:
	case kind == "application/json":
		return p, p.addJSON(body)
	case kind == "application/x-www-form-urlencoded":
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return p, badRequest("can't parse the form")
		}
		p.addAll(form)
	case kind == "multipart/form-data":
		return p, p.addMultipart(body, args["boundary"])
	}
	return p, nil
}

func (p params) addAll(v url.Values) {
	for k := range v {
		p.values[k] = v.Get(k)
	}
}

func (p params) addJSON(body []byte) *answer {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(body, &object); err != nil {
		return badRequest("can't parse the JSON object")
	}
	for k, v := range object {
		var s string
		switch {
		case len(v) > 0 && v[0] == '"' && json.Unmarshal(v, &s) == nil:
			p.values[k] = s
		case string(v) != "null":
			p.values[k] = string(v)
		}
	}
	return nil
}

func (p *params) addMultipart(body []byte, boundary string) *answer {
	p.files = map[string]*upload{}
	mr := multipart.NewReader(bytes.NewReader(body), boundary)
	for {
		part, err := mr.NextPart()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return badRequest("can't parse the multipart form")
		}
		data, err := io.ReadAll(part)
		if err != nil {
			return badRequest("can't parse the multipart form")
		}
		if part.FileName() == "" {
			p.values[part.FormName()] = string(data)
		} else {
			p.files[part.FormName()] = &upload{part.FileName(), data}
		}
	}
}
