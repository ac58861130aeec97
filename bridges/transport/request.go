package transport

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

var errBody = errors.New("the body of the request is not as long as it says")

// Request makes a request with a body that is in memory, "" for none. It costs less than http.NewRequest, for an address that was parsed before
// and a header that many requests may share: neither is changed.
func Request(ctx context.Context, method string, u *url.URL, header http.Header, body string) *http.Request {
	req := &http.Request{Method: method, URL: u, Host: u.Host, Header: header, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
	if body != "" {
		req.ContentLength = int64(len(body))
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(body)), nil }
		req.Body = io.NopCloser(strings.NewReader(body))
	}
	return req.WithContext(ctx)
}

// simple says whether a request is one of those that are written here.
func simple(req *http.Request) bool {
	u := req.URL
	switch {
	case u == nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Opaque != "" || req.Host != "" && req.Host != u.Host:
		return false
	case bodied(req) && (req.ContentLength <= 0 || req.ContentLength > maxBody || req.GetBody == nil):
		return false
	case req.Method == http.MethodConnect || len(req.TransferEncoding) > 0 || len(req.Trailer) > 0:
		return false
	case req.Header["Upgrade"] != nil || req.Header["Expect"] != nil || req.Header["Connection"] != nil:
		return false
	case strings.ContainsFunc(u.Host, func(r rune) bool { return r <= ' ' || r > '~' || r == '%' }): // is written in another way
		return false
	}
	proxy, err := http.ProxyFromEnvironment(req)
	return proxy == nil && err == nil
}

func bodied(req *http.Request) bool { return req.Body != nil && req.Body != http.NoBody }

// check refuses what would be read as something else than was meant.
func check(req *http.Request) error {
	if !token(req.Method) && req.Method != "" {
		return errors.New("the method of the request is none")
	}
	if strings.ContainsFunc(target(req.URL), control) {
		return errors.New("the address of the request has a control character in it")
	}
	for name, values := range req.Header {
		if !token(name) {
			return fmt.Errorf("%q is no name of a header", name)
		}
		for _, v := range values {
			if strings.ContainsFunc(v, func(r rune) bool { return control(r) && r != '\t' }) {
				return fmt.Errorf("the value of the header %s has a line break or another control character in it", name)
			}
		}
	}
	return nil
}

// target is what a request line names. A query may have spaces as it was written, which end a target.
func target(u *url.URL) string { return strings.ReplaceAll(u.RequestURI(), " ", "%20") }

func control(r rune) bool { return r < ' ' || r == 0x7f }

// token says whether s is a name as RFC 9110, section 5.6.2, has them.
func token(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r > '~' || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
	})
}

// write writes the whole request and closes its body.
func write(w *bufio.Writer, req *http.Request) error {
	defer closeBody(req)
	method := req.Method
	if method == "" {
		method = http.MethodGet
	}
	put(w, method, " ", target(req.URL), " HTTP/1.1\r\nHost: ", req.URL.Host, "\r\n")
	if _, set := req.Header["User-Agent"]; !set {
		put(w, "User-Agent: Go-http-client/1.1\r\n")
	}
	if bodied(req) {
		put(w, "Content-Length: ", strconv.FormatInt(req.ContentLength, 10), "\r\n")
	} else if method == http.MethodPost || method == http.MethodPut || method == http.MethodPatch {
		put(w, "Content-Length: 0\r\n")
	}
	if req.Close {
		put(w, "Connection: close\r\n")
	}
	for name, values := range req.Header {
		if framing(name) || name == "User-Agent" && len(values) > 0 && values[0] == "" {
			continue
		}
		for _, v := range values {
			put(w, name, ": ", v, "\r\n")
		}
	}
	put(w, "\r\n")
	if bodied(req) {
		n, err := io.Copy(w, io.LimitReader(req.Body, req.ContentLength+1))
		if err == nil && n != req.ContentLength {
			err = errBody
		}
		if err != nil {
			return err
		}
	}
	return w.Flush()
}

// framing says whether a header is one of those that say where a request goes and ends, which are written from the request alone.
func framing(name string) bool {
	switch len(name) {
	case len("Host"):
		return strings.EqualFold(name, "Host")
	case len("Trailer"):
		return strings.EqualFold(name, "Trailer")
	case len("Content-Length"):
		return strings.EqualFold(name, "Content-Length")
	case len("Transfer-Encoding"):
		return strings.EqualFold(name, "Transfer-Encoding")
	}
	return false
}

// put writes strings. The buffer keeps its first error, which Flush returns.
func put(w *bufio.Writer, all ...string) {
	for _, s := range all {
		_, _ = w.WriteString(s)
	}
}

// closeBody keeps the promise of a RoundTripper to close the body in any case.
func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close() // it was read at most
	}
}
