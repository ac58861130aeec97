package control

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"avatarbridge/store"
)

const (
	maxBody = 64 << 10 // bytes of a request: thousands of ids
	maxList = 1000     // dead letters or people in one answer
)

// The bodies of requests and answers. They are private between two copies of the program, as are all paths below /admin/.
type (
	targetBody struct {
		Target string `json:"target"`
	}
	idsBody struct {
		IDs []int64 `json:"ids"`
		All bool    `json:"all"` // must be set when IDs is empty, so that a forgotten list does not mean everything
	}
	refBody struct {
		Ref string `json:"ref"`
	}
	fileBody struct {
		File string `json:"file"`
	}
	countBody struct {
		Count int `json:"count"`
	}
	errorBody struct {
		Error string `json:"error"`
		Code  string `json:"code,omitempty"`
	}
)

// codes carry the errors that callers tell apart.
var codes = map[string]error{"not_found": store.ErrNotFound, "locked": store.ErrLocked, "stale": store.ErrStale, "refused": ErrRefused}

// badRequest marks an error of the caller.
type badRequest struct{ error }

// Handler offers c below /admin/ to requests with the token as their bearer token. With an empty token it refuses all.
func Handler(c Control, token string) http.Handler {
	mux := http.NewServeMux()
	get(mux, "status", func(ctx context.Context, _ query) (any, error) { return c.Status(ctx) })
	get(mux, "paused", func(ctx context.Context, _ query) (any, error) { return c.Paused(ctx) })
	get(mux, "dead", func(ctx context.Context, q query) (any, error) { return c.DeadList(ctx, q.number("before"), q.limit()) })
	get(mux, "people", func(ctx context.Context, q query) (any, error) {
		return c.People(ctx, int(q.number("skip")), q.limit())
	})
	get(mux, "person", func(ctx context.Context, q query) (any, error) { return c.Person(ctx, q.text("ref")) })
	mux.HandleFunc("GET /admin/export", exporter(c))
	post(mux, "pause", func(ctx context.Context, b targetBody) (any, error) { return nil, c.Pause(ctx, b.Target) })
	post(mux, "resume", func(ctx context.Context, b targetBody) (any, error) { return nil, c.Resume(ctx, b.Target) })
	post(mux, "dead/retry", counted(c.DeadRetry))
	post(mux, "dead/drop", counted(c.DeadDrop))
	post(mux, "forget", func(ctx context.Context, b refBody) (any, error) {
		n, err := c.Forget(ctx, b.Ref)
		return countBody{n}, err
	})
	post(mux, "backup", func(ctx context.Context, b fileBody) (any, error) { return nil, c.Backup(ctx, b.File) })
	return http.NewCrossOriginProtection().Handler(authorized(mux, token))
}

// authorized compares hashes, so that neither the time nor the length of the answer says anything about the token.
func authorized(next http.Handler, token string) http.Handler {
	want := sha256.Sum256([]byte(token))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		got := sha256.Sum256([]byte(given))
		if !ok || token == "" || subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
			w.Header().Set("WWW-Authenticate", "Bearer")
			answer(w, http.StatusUnauthorized, errorBody{ErrRefused.Error(), "refused"})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// counted makes a verb on dead letters of one that takes ids.
func counted(do func(context.Context, ...int64) (int, error)) func(context.Context, idsBody) (any, error) {
	return func(ctx context.Context, b idsBody) (any, error) {
		if len(b.IDs) == 0 && !b.All {
			return nil, badRequest{errors.New(`name ids, or set "all"`)}
		}
		n, err := do(ctx, b.IDs...)
		return countBody{n}, err
	}
}

func get(mux *http.ServeMux, path string, do func(context.Context, query) (any, error)) {
	mux.HandleFunc("GET /admin/"+path, func(w http.ResponseWriter, r *http.Request) {
		v, err := do(r.Context(), query{r.URL.Query()})
		reply(w, v, err)
	})
}

func post[B any](mux *http.ServeMux, path string, do func(context.Context, B) (any, error)) {
	mux.HandleFunc("POST /admin/"+path, func(w http.ResponseWriter, r *http.Request) {
		var body B
		dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&body); err != nil {
			reply(w, nil, badRequest{err})
			return
		}
		v, err := do(r.Context(), body)
		reply(w, v, err)
	})
}

// query reads parameters; what is missing or malformed is the zero value.
type query struct{ values map[string][]string }

func (q query) text(name string) string {
	if v := q.values[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

func (q query) number(name string) int64 {
	n, err := strconv.ParseInt(q.text(name), 10, 64)
	if err != nil {
		return 0
	}
	return max(0, n)
}

func (q query) limit() int {
	if n := q.number("n"); n > 0 {
		return int(min(n, maxList))
	}
	return maxList
}

func reply(w http.ResponseWriter, v any, err error) {
	if err == nil {
		answer(w, http.StatusOK, v)
		return
	}
	body, status := errorBody{Error: err.Error()}, http.StatusInternalServerError
	for code, known := range codes {
		if errors.Is(err, known) {
			body.Code = code
		}
	}
	if _, ok := errors.AsType[badRequest](err); ok {
		status = http.StatusBadRequest
	} else if body.Code == "not_found" {
		status = http.StatusNotFound
	}
	answer(w, status, body)
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // a client that went away needs no answer
}

// exporter streams a person's document. Once the first byte is out an error can only cut the connection, which the client
// takes for what it is.
func exporter(c Control) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		out := &started{ResponseWriter: w}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		err := c.Export(r.Context(), query{r.URL.Query()}.text("ref"), out)
		switch {
		case err != nil && out.yes:
			panic(http.ErrAbortHandler)
		case err != nil:
			reply(w, nil, err)
		}
	}
}

// started notes whether anything was written.
type started struct {
	http.ResponseWriter
	yes bool
}

func (s *started) Write(p []byte) (int, error) {
	s.yes = true
	return s.ResponseWriter.Write(p)
}

var _ io.Writer = (*started)(nil)
