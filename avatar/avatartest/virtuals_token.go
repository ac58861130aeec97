package avatartest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
)

// TokenRequest is one call of /api/access/token.
type TokenRequest struct {
	VirtualID string
	UserUID   string
	UserName  string
	Metadata  map[string]any // all of it, with the three above; numbers are json.Number
	Accepted  bool           // the credentials were right
	Fault     string
}

func (v *Virtuals) serveToken(w http.ResponseWriter, r *http.Request) {
	body, err := readBody(r)
	if err != nil {
		apiError(w, http.StatusRequestEntityTooLarge, "request entity too large")
		return
	}
	var req struct {
		Metadata  map[string]any `json:"metadata"`
		APIKey    string         `json:"apiKey"`
		APISecret string         `json:"apiSecret"`
	}
	bad := decode(body, &req)
	h := Heard{Memory: word(req.Metadata["virtualId"]) + "/" + word(req.Metadata["userUid"]), UserName: word(req.Metadata["userName"])}
	f := v.next(TokenAsked, h)
	h.Fault = f.Name
	t := TokenRequest{
		VirtualID: word(req.Metadata["virtualId"]), UserUID: word(req.Metadata["userUid"]), UserName: word(req.Metadata["userName"]),
		Metadata: req.Metadata, Accepted: req.APIKey == v.cfg.APIKey && req.APISecret == v.cfg.APISecret, Fault: f.Name,
	}
	v.asked.add(t)
	v.step(TokenAsked, h)
	if f.serve(v.api, w, r) {
		return
	}
	c, known := v.cfg.Virtuals[t.VirtualID]
	switch {
	case bad != nil || !isJSON(r):
		apiError(w, http.StatusBadRequest, "invalid JSON body")
	case !t.Accepted:
		apiError(w, http.StatusUnauthorized, "Invalid API key or secret")
	case t.UserUID == "" || !known:
		apiError(w, http.StatusBadRequest, "userUid and a known virtualId are required in metadata")
	default:
		v.issue(w, t, c, f, h)
	}
}

func (v *Virtuals) issue(w http.ResponseWriter, t TokenRequest, c Virtual, f Fault, h Heard) {
	now := v.cfg.Now()
	claims := map[string]any{}
	if v.cfg.Nested {
		claims["metadata"] = t.Metadata
	} else {
		maps.Copy(claims, t.Metadata)
	}
	claims["runner"] = v.runners[c.Runner].url
	claims["iat"], claims["exp"] = now.Unix(), now.Add(v.cfg.Lifetime).Unix()
	if f.claims != nil {
		f.claims(claims)
	}
	token, err := v.tokens.sign(t, claims)
	if err != nil {
		apiError(w, http.StatusInternalServerError, "cannot sign")
		return
	}
	v.issued.add(token)
	v.answering(TokenAnswered, h, func() { writeJSON(w, http.StatusOK, map[string]string{"accessToken": token}) })
}

// word is a claim or a piece of metadata as a string: ids may come as numbers.
func word(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case float64:
		return fmt.Sprintf("%.0f", v)
	default:
		return fmt.Sprint(v)
	}
}

// decode reads one JSON value; numbers stay as they were written, and so do names in another case.
func decode(body []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	return d.Decode(into)
}

func isJSON(r *http.Request) bool {
	mime, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	return strings.EqualFold(strings.TrimSpace(mime), "application/json")
}

// apiError answers in the shape of the token backend.
func apiError(w http.ResponseWriter, status int, message string) {
	writeJSON(w, status, map[string]any{"error": map[string]string{"message": message}})
}
