package sqlite

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	"avatarbridge/store"
)

func TestExportNamesItsKeysAlikeAndSaysWhatACounterCounts(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "store.db"))
	e := newTurn("u1", "one", "hello")
	e.Turn.Limits = []store.Limit{{Key: store.PersonKey(e.Turn.From), Max: 5, Every: time.Minute}}
	accept(t, s, e)
	p, err := s.Person(t.Context(), "telegram:u1")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := s.Export(t.Context(), p.UID, &out); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Person struct {
			Identities []map[string]string `json:"identities"`
		} `json:"person"`
		Counters []struct {
			Count  int     `json:"count"`
			Window float64 `json:"window_seconds"`
		} `json:"counters"`
		Notices []any `json:"notices"`
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Person.Identities) != 1 || got.Person.Identities[0]["platform"] != "telegram" || got.Person.Identities[0]["user"] != "u1" {
		t.Errorf("identities %v", got.Person.Identities)
	}
	if len(got.Counters) != 1 || got.Counters[0].Count != 1 || got.Counters[0].Window != 60 || got.Notices == nil {
		t.Errorf("counters %+v, notices %v", got.Counters, got.Notices)
	}
}
