package control

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestATokenIsMadeOnceForThisUserOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "admin-token")
	tokens := make([]string, 20)
	var all sync.WaitGroup
	for i := range tokens {
		all.Go(func() {
			var err error
			if tokens[i], err = Token(path); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, got := range tokens {
		if got != tokens[0] || len(got) != 64 {
			t.Fatalf("tokens %q", tokens)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if files, _ := os.ReadDir(filepath.Dir(path)); len(files) != 1 {
		t.Errorf("files are left: %v", files)
	}
	other, err := Token(path + "2")
	if err != nil || other == tokens[0] {
		t.Errorf("another file has the token %q, %v", other, err)
	}
}

func TestATokenThatMayBeKnownOrGuessedIsRefused(t *testing.T) {
	long := strings.Repeat("S3CRET", 10)
	for name, test := range map[string]struct {
		content string
		mode    os.FileMode
	}{
		"readable by the group": {long, 0o640}, "readable by all": {long, 0o604}, "empty": {"", 0o600}, "short": {"S3CRET\n", 0o600},
	} {
		path := filepath.Join(t.TempDir(), "admin-token")
		if err := os.WriteFile(path, []byte(test.content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, test.mode); err != nil {
			t.Fatal(err)
		}
		_, err := Token(path)
		if err == nil || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "S3CRET") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestATokenThatCannotBeMadeIsAnError(t *testing.T) {
	if token, err := Token(filepath.Join(t.TempDir(), "missing", "admin-token")); err == nil {
		t.Errorf("token %q", token)
	}
}
