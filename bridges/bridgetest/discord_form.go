package bridgetest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"regexp"
	"strconv"
)

const (
	maxDiscordFile    = 10 << 20 // each, by default
	maxDiscordRequest = 25 << 20
)

// discordForm is a request's body: JSON, and files by their n in files[n].
type discordForm struct {
	payload []byte
	files   map[int]*discordUpload
	order   []int
}

type discordUpload struct {
	name string
	kind string
	data []byte
}

var filePart = regexp.MustCompile(`^files\[(\d+)\]$`)

// readDiscordForm reads a JSON or multipart body. The answer is not nil when the request is refused for its form.
func readDiscordForm(r *http.Request) (discordForm, *discordAnswer) {
	var f discordForm
	body, err := io.ReadAll(io.LimitReader(r.Body, maxDiscordRequest+1))
	if err != nil {
		return f, dFailure(http.StatusBadRequest, 0, "400: Bad Request")
	}
	if len(body) > maxDiscordRequest {
		_, _ = io.Copy(io.Discard, r.Body) // else the client may not get to read the answer
		return f, tooLarge()
	}
	if len(body) == 0 {
		return f, nil
	}
	kind, args, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch kind {
	case "application/json":
		f.payload = body
		if !json.Valid(body) {
			return f, dFailure(http.StatusBadRequest, 50109, "The request body contains invalid JSON.")
		}
		return f, nil
	case "multipart/form-data":
		return f.read(body, args["boundary"])
	}
	return f, dInvalid("_errors", "CONTENT_TYPE_INVALID", `Expected "Content-Type" header to be one of {'application/json'}.`)
}

func tooLarge() *discordAnswer {
	return dFailure(http.StatusRequestEntityTooLarge, 40005, "Request entity too large")
}

// read takes a multipart body apart. Fields beside payload_json and files are not documented for JSON parameters and left out.
func (f discordForm) read(body []byte, boundary string) (discordForm, *discordAnswer) {
	f.files = map[int]*discordUpload{}
	mr := multipart.NewReader(bytes.NewReader(body), boundary)
	for {
		part, err := mr.NextPart()
		if err == io.EOF {
			return f, nil
		}
		if err != nil {
			return f, dInvalid("_errors", "INVALID_MULTIPART", "The multipart body cannot be read.")
		}
		data, err := io.ReadAll(part)
		if err != nil {
			return f, dInvalid("_errors", "INVALID_MULTIPART", "The multipart body cannot be read.")
		}
		if part.FormName() == "payload_json" {
			f.payload = data
			if !json.Valid(data) {
				return f, dFailure(http.StatusBadRequest, 50109, "The request body contains invalid JSON.")
			}
			continue
		}
		m := filePart.FindStringSubmatch(part.FormName())
		if m == nil || part.FileName() == "" {
			continue
		}
		if len(data) > maxDiscordFile {
			return f, tooLarge()
		}
		n, _ := strconv.Atoi(m[1])
		f.files[n] = &discordUpload{part.FileName(), part.Header.Get("Content-Type"), data}
		f.order = append(f.order, n)
	}
}

// badField is the field that an error of decoding JSON is about.
func badField(err error) string {
	var typed *json.UnmarshalTypeError
	if errors.As(err, &typed) && typed.Field != "" {
		return typed.Field
	}
	return "_errors"
}
