package virtuals

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"avatarbridge/bridges/fault"
)

const maxBody = 1 << 20 // of an answer

var errNoURL = errors.New("no absolute http or https address")

// answer is what came back from one call.
type answer struct {
	host   string
	status int
	header http.Header
	body   []byte
}

// do makes one call and reads the whole answer, whatever its status. Its errors are outcomes; they name the host and nothing else of the
// request. A nil body makes it a GET.
func do(ctx context.Context, client *http.Client, u *url.URL, bearer string, body any) (*answer, error) {
	req, err := request(ctx, u, bearer, body)
	if err != nil {
		return nil, err
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, fault.NoAnswer(u.Host, err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(io.LimitReader(res.Body, maxBody+1))
	if err != nil {
		return nil, fault.NoAnswer(u.Host, err)
	}
	if len(data) > maxBody {
		return nil, fault.Kill(fmt.Sprintf("the answer of %s is larger than 1 MiB: see that the address is right", u.Host), nil)
	}
	return &answer{host: u.Host, status: res.StatusCode, header: res.Header, body: data}, nil
}

func request(ctx context.Context, u *url.URL, bearer string, body any) (*http.Request, error) {
	method, content, kind := http.MethodGet, io.Reader(nil), ""
	if body != nil {
		up, ok := body.(upload)
		if !ok {
			data, err := json.Marshal(body)
			if err != nil {
				return nil, fault.Kill("metadata or overrides hold something that JSON cannot: use texts, numbers, booleans, lists and tables", nil)
			}
			up = upload{"application/json", data}
		}
		method, content, kind = http.MethodPost, bytes.NewReader(up.data), up.contentType
	}
	req, err := http.NewRequestWithContext(ctx, method, u.String(), content)
	if err != nil {
		return nil, errNoURL
	}
	req.Header.Set("Accept", "application/json")
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	return req, nil
}
