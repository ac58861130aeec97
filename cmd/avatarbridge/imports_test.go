package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "avatarbridge"

// allowed returns what a folder may import of the module. Imports point one way: contracts import nothing of ours, an implementation
// imports its contract and what all share, the relay imports the contracts, and only the program imports implementations.
func allowed(dir string) (may []string, all bool) {
	shared := []string{"bridges/fault", "bridges/markup", "bridges/transport"}
	top, rest, _ := strings.Cut(dir, "/")
	switch {
	case top == "cmd":
		return nil, true
	case rest == "", slices.Contains(shared, dir):
		return nil, false
	case dir == "bridges/relay":
		return append(shared, "bridges", "avatar", "store"), false
	default:
		return append(shared, top), false
	}
}

// plain says that a folder imports the standard library alone.
func plain(dir string) bool {
	return slices.Contains([]string{"bridges", "avatar", "store", "bridges/fault", "bridges/transport"}, dir)
}

// tested says that an import is for tests alone: simulators and shared tests.
func tested(imported string) bool { return strings.HasSuffix(path.Base(imported), "test") }

func TestImportsPointOneWay(t *testing.T) {
	files := 0
	for dir, imports := range walk(t) {
		may, all := allowed(dir)
		for _, i := range imports {
			files++
			ours, isOurs := strings.CutPrefix(i.name, module+"/")
			switch {
			case !isOurs:
				if library, _, _ := strings.Cut(i.name, "/"); plain(dir) && !i.test && strings.Contains(library, ".") {
					t.Errorf("%s imports %s: a contract imports the standard library alone", i.file, i.name)
				}
			case i.test && (ours == dir || tested(ours) || strings.HasPrefix(dir, "bridges/relay")):
			case strings.HasPrefix(ours, dir+"/"): // what lies below an implementation is its own
			case tested(ours) && !i.test && !tested(dir):
				t.Errorf("%s imports %s, which is for tests", i.file, ours)
			case !all && !slices.Contains(may, ours):
				t.Errorf("%s imports %s: %s may import %v of the module", i.file, ours, dir, may)
			}
		}
	}
	if files < 50 {
		t.Fatalf("only %d imports were looked at", files)
	}
}

func TestTopLevelHasNoOtherCodeFolder(t *testing.T) {
	for dir := range walk(t) {
		if top, _, _ := strings.Cut(dir, "/"); !slices.Contains([]string{"cmd", "bridges", "avatar", "store"}, top) {
			t.Errorf("%s is a code folder outside of cmd, bridges, avatar, store", dir)
		}
	}
}

type imported struct {
	file, name string
	test       bool
}

// walk returns the imports of each folder of the module.
func walk(t *testing.T) map[string][]imported {
	t.Helper()
	found := map[string][]imported{}
	root := os.DirFS("../..")
	err := fs.WalkDir(root, ".", func(file string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() && file != "." && strings.HasPrefix(e.Name(), ".") {
			return fs.SkipDir
		}
		if e.IsDir() || path.Ext(file) != ".go" {
			return nil
		}
		source, err := parser.ParseFile(token.NewFileSet(), filepath.Join("../..", file), nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		dir := path.Dir(file)
		for _, spec := range source.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			found[dir] = append(found[dir], imported{file, name, strings.HasSuffix(file, "_test.go")})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
