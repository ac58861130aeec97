package virtuals

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"avatarbridge/bridges/fault"
)

const (
	maxTokens  = 10_000
	renewEarly = time.Minute    // before exp: clocks differ, and a prompt takes its time
	maxAge     = 12 * time.Hour // whatever exp says
)

// token lets one memory uid talk to a runner.
type token struct {
	raw    string
	runner *url.URL
}

// token returns an access token for the memory uid, from the cache unless it is the one that was refused.
func (b *Backend) token(ctx context.Context, uid, userName, refused string) (token, error) {
	usable := func(t token) bool { return t.raw != refused }
	return b.tokens.get(ctx, uid, usable, func(ctx context.Context) (token, time.Time, error) {
		return b.newToken(ctx, uid, userName)
	})
}

// newToken asks for an access token and says until when it may be used again.
func (b *Backend) newToken(ctx context.Context, uid, userName string) (token, time.Time, error) {
	claims := map[string]any{}
	maps.Copy(claims, b.cfg.Metadata)
	claims["virtualId"], claims["userUid"], claims["userName"] = virtualID(b.cfg.VirtualID), uid, userName
	u := b.apiURL.JoinPath("api", "access", "token")
	ans, err := do(ctx, b.api, u, "", map[string]any{"metadata": claims, "apiKey": b.cfg.APIKey, "apiSecret": b.cfg.APISecret})
	if err != nil {
		return token{}, time.Time{}, err
	}
	if err := ans.outcome(tokenCall, b.now()); err != nil {
		return token{}, time.Time{}, err
	}
	var body struct {
		AccessToken text `json:"accessToken"`
	}
	if json.Unmarshal(ans.body, &body) != nil || body.AccessToken == "" {
		return token{}, time.Time{}, nonsense(tokenCall, ans, "no access token")
	}
	raw := string(body.AccessToken)
	runner, exp, err := readClaims(raw)
	if err != nil {
		return token{}, time.Time{}, nonsense(tokenCall, ans, err.Error())
	}
	return token{raw, runner}, keepUntil(b.now(), exp), nil
}

// keepUntil is when a token is to be replaced: a minute before it ends, or after three quarters of a shorter life. Without an end it is
// never used twice.
func keepUntil(now, exp time.Time) time.Time {
	if exp.IsZero() || !exp.After(now) {
		return time.Time{}
	}
	left := min(exp.Sub(now), maxAge)
	return now.Add(left - min(renewEarly, left/4))
}

var wholeNumber = regexp.MustCompile(`^(0|[1-9][0-9]{0,14})$`)

// virtualID is a number where the id is one, else a string.
func virtualID(s string) any {
	if wholeNumber.MatchString(s) {
		return json.Number(s)
	}
	return s
}

var (
	errNoJWT    = errors.New("an access token that is no JWT")
	errNoRunner = errors.New("an access token without the address of a runner")
	jwtForm     = regexp.MustCompile(`^[A-Za-z0-9_=-]+\.[A-Za-z0-9_=-]+\.[A-Za-z0-9_=-]*$`)
)

// readClaims reads the runner and the end of a token's life (the zero time when it names none). Nothing is verified: the token comes
// from the service itself, which alone has the key. Where the claims stand flat or under "metadata" is not documented, so both are read.
func readClaims(raw string) (*url.URL, time.Time, error) {
	if len(raw) > 16<<10 || !jwtForm.MatchString(raw) {
		return nil, time.Time{}, errNoJWT
	}
	claims := jwt.MapClaims{}
	_, _, err := jwt.NewParser(jwt.WithPaddingAllowed()).ParseUnverified(raw, claims)
	// An algorithm that the parser does not know is no matter, as there is nothing to verify.
	if err != nil && !errors.Is(err, jwt.ErrTokenUnverifiable) {
		return nil, time.Time{}, errNoJWT
	}
	address, _ := claims["runner"].(string)
	if nested, ok := claims["metadata"].(map[string]any); ok && address == "" {
		address, _ = nested["runner"].(string)
	}
	runner, err := base(address)
	if err != nil {
		return nil, time.Time{}, errNoRunner
	}
	return runner, expiry(claims["exp"]), nil
}

// expiry reads unix seconds, as a number or in a string.
func expiry(v any) time.Time {
	n, ok := v.(float64)
	if s, isString := v.(string); isString {
		parsed, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
		n, ok = parsed, err == nil
	}
	if !ok || !(n > 0) {
		return time.Time{}
	}
	return time.Unix(int64(min(n, 1<<40)), 0)
}

// nonsense is the outcome of an answer that says it is a success and is none.
func nonsense(c call, a *answer, what string) error {
	return &fault.Outcome{Reason: c.name + ": " + a.host + " answered with " + what + a.form()}
}
