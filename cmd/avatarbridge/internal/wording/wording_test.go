package wording_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"avatarbridge/cmd/avatarbridge/internal/wording"
)

func TestNetworkErrorsReadAsOneWouldSayThem(t *testing.T) {
	for text, want := range map[string]string{
		"getMe: not sent: dial tcp 127.0.0.1:1: connect: connection refused":                             "getMe: not sent: nothing listens at 127.0.0.1:1",
		"127.0.0.1:1 cannot be reached: dial tcp 127.0.0.1:1: connect: connection refused":               "nothing listens at 127.0.0.1:1",
		`Post "http://h:1/x": dial tcp [::1]:1: connect: connection refused`:                             "nothing listens at [::1]:1",
		`Post "https://h/x": context deadline exceeded (Client.Timeout exceeded while awaiting headers)`: "no answer in time",
		"luna: context deadline exceeded":                                                                "luna: no answer in time",
		"dial tcp 10.0.0.1:80: i/o timeout":                                                              "no answer from 10.0.0.1:80",
		"dial tcp: lookup nonexistent.invalid on 10.255.255.53:53: no such host":                         "no machine is known by the name nonexistent.invalid",
		"dial tcp 10.0.0.1:80: connect: network is unreachable":                                          "there is no way to 10.0.0.1:80 in the network",
		"status 503: the service is down":                                                                "status 503: the service is down",
	} {
		if got := wording.Plain(text); got != want {
			t.Errorf("%s\n got %s\nwant %s", text, got, want)
		}
	}
}

func TestFileErrorsSayWhatToDo(t *testing.T) {
	dir := t.TempDir()
	missing := filepath.Join(dir, "none", "x.db")
	_, err := os.Open(missing)
	if got := wording.File(missing, err); got.Error() != "there is no folder "+filepath.Dir(missing) || !errors.Is(got, fs.ErrNotExist) {
		t.Error(got)
	}
	missing = filepath.Join(dir, "x.db")
	_, err = os.Open(missing)
	if got := wording.File(missing, err); got.Error() != "there is no file "+missing {
		t.Error(got)
	}
	_, err = os.OpenFile(dir, os.O_CREATE|os.O_EXCL, 0o600)
	if got := wording.File(dir, err); got.Error() != dir+" exists already: name another file" || !errors.Is(got, fs.ErrExist) {
		t.Error(got)
	}
	_, err = os.OpenFile(dir, os.O_WRONLY, 0)
	if got := wording.File(dir, err); got.Error() != dir+": is a directory" {
		t.Error(got)
	}
	if wording.File(dir, nil) != nil {
		t.Error("nil is an error")
	}
}

func TestNumbersAndNamesFitTheSentence(t *testing.T) {
	for got, want := range map[string]string{
		wording.Count(1, "reply"): "1 reply", wording.Count(0, "reply"): "0 replies", wording.Count(2, "bridge"): "2 bridges",
		wording.List(nil): "none", wording.List([]string{"a"}): "a", wording.List([]string{"a", "b", "c"}): "a, b and c",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
