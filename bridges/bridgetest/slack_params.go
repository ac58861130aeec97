package bridgetest

import (
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
)

func isSlackJSON(r *http.Request) bool {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return kind == "application/json"
}

// readSlackParams reads query, form and JSON arguments; objects and lists are JSON text, as Slack defines for forms.
func readSlackParams(r *http.Request) (p params, warning string, refused *slackAnswer) {
	p = params{values: map[string]string{}}
	p.addAll(r.URL.Query())
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		return p, "", slackFailure("request_timeout")
	}
	kind, args, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case len(body) == 0:
	case kind == "application/json":
		return readSlackJSON(p, body, args["charset"])
	case kind == "application/x-www-form-urlencoded":
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return p, "", slackFailure("invalid_form_data")
		}
		p.addAll(form)
	case kind == "multipart/form-data":
		if p.addMultipart(body, args["boundary"]) != nil {
			return p, "", slackFailure("invalid_form_data")
		}
	case kind == "":
		return p, "", slackFailure("missing_post_type")
	default:
		return p, "", slackFailure("invalid_post_type")
	}
	return p, "", nil
}

func readSlackJSON(p params, body []byte, charset string) (params, string, *slackAnswer) {
	if !json.Valid(body) {
		return p, "", slackFailure("invalid_json")
	}
	if p.addJSON(body) != nil {
		return p, "", slackFailure("json_not_object")
	}
	delete(p.values, "token") // of a JSON call it must be in the header
	if charset == "" {
		return p, "missing_charset", nil
	}
	return p, "", nil
}
