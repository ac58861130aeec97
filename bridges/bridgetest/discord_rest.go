package bridgetest

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// discordAnswer is what the server says to a request.
type discordAnswer struct {
	status int
	body   []byte // nil for 204
	header map[string]string
	post   *DiscordPost // what the request made, nil for nothing

	code int // of a failure
}

// discordCall is a request on its way.
type discordCall struct {
	r     *http.Request
	route string
	bot   *DiscordBot // nil where the route needs no bot
	form  discordForm
}

// path returns a part of the URL by its name in the route.
func (c *discordCall) path(name string) string { return c.r.PathValue(name) }

type discordHandler func(d *Discord, c *discordCall) *discordAnswer

// access is what a route asks of a request.
type access uint8

const (
	byBot   access = iota // a bot's token, and the global rate limit counts
	byToken               // the token in the URL, and it does not
	byNone
)

// routes are the API's routes below /api/v{version}. Their names are how DiscordFault.Route and DiscordRequest.Route name them.
func (d *Discord) routes() *http.ServeMux {
	mux := http.NewServeMux()
	for route, h := range map[string]discordHandler{
		"GET /gateway/bot":                                 (*Discord).getGatewayBot,
		"GET /users/@me":                                   (*Discord).getMe,
		"GET /users/@me/guilds":                            (*Discord).getMyGuilds,
		"POST /users/@me/channels":                         (*Discord).createDM,
		"GET /applications/@me":                            (*Discord).getApplication,
		"GET /oauth2/applications/@me":                     (*Discord).getApplication,
		"GET /applications/{app}/commands":                 (*Discord).getCommands,
		"PUT /applications/{app}/commands":                 (*Discord).putCommands,
		"POST /applications/{app}/commands":                (*Discord).postCommand,
		"GET /applications/{app}/guilds/{guild}/commands":  (*Discord).getCommands,
		"PUT /applications/{app}/guilds/{guild}/commands":  (*Discord).putCommands,
		"POST /applications/{app}/guilds/{guild}/commands": (*Discord).postCommand,
		"GET /guilds/{guild}":                              (*Discord).getGuild,
		"GET /guilds/{guild}/channels":                     (*Discord).getGuildChannels,
		"GET /guilds/{guild}/threads/active":               (*Discord).getActiveThreads,
		"GET /guilds/{guild}/members/{user}":               (*Discord).getMember,
		"GET /channels/{channel}":                          (*Discord).getChannel,
		"GET /channels/{channel}/messages":                 (*Discord).getMessages,
		"POST /channels/{channel}/messages":                (*Discord).createMessage,
		"GET /channels/{channel}/messages/{message}":       (*Discord).getMessage,
		"PATCH /channels/{channel}/messages/{message}":     (*Discord).editMessage,
		"DELETE /channels/{channel}/messages/{message}":    (*Discord).deleteMessage,
		"POST /channels/{channel}/typing":                  (*Discord).triggerTyping,
	} {
		d.handleRoute(mux, route, byBot, h)
	}
	for route, h := range map[string]discordHandler{
		"POST /interactions/{id}/{token}/callback":          (*Discord).answerInteraction,
		"POST /webhooks/{app}/{token}":                      (*Discord).followUp,
		"GET /webhooks/{app}/{token}/messages/{message}":    (*Discord).getFollowUp,
		"PATCH /webhooks/{app}/{token}/messages/{message}":  (*Discord).editFollowUp,
		"DELETE /webhooks/{app}/{token}/messages/{message}": (*Discord).deleteFollowUp,
	} {
		d.handleRoute(mux, route, byToken, h)
	}
	d.handleRoute(mux, "GET /gateway", byNone, (*Discord).getGateway)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		d.serveCall(w, r, "", byNone, func(*Discord, *discordCall) *discordAnswer { return dFailure(http.StatusNotFound, 0, "404: Not Found") })
	})
	return mux
}

func (d *Discord) handleRoute(mux *http.ServeMux, route string, who access, h discordHandler) {
	mux.HandleFunc(route, func(w http.ResponseWriter, r *http.Request) { d.serveCall(w, r, route, who, h) })
}

var apiPath = regexp.MustCompile(`^/api(?:/v(\d+))?(/.*)$`)

// handle serves the gateway, the CDN and the API.
func (d *Discord) handle(w http.ResponseWriter, r *http.Request) {
	d.live.RLock()
	defer d.live.RUnlock()
	switch {
	case d.ctx.Err() != nil:
	case upgrade(r):
		d.serveGateway(w, r)
	case strings.HasPrefix(r.URL.Path, "/cdn/"):
		d.serveCDN(w, r)
	default:
		d.serveAPI(w, r)
	}
}

func (d *Discord) serveAPI(w http.ResponseWriter, r *http.Request) {
	parts := apiPath.FindStringSubmatch(r.URL.Path)
	if parts == nil {
		d.answer(w, dFailure(http.StatusNotFound, 0, "404: Not Found"))
		return
	}
	if v, _ := strconv.Atoi(parts[1]); v < 8 || v > 10 { // without a number it is v6, which counts intents differently
		d.answer(w, dFailure(http.StatusBadRequest, 50041, "Invalid API version"))
		return
	}
	r2 := r.Clone(r.Context())
	r2.URL.Path, r2.URL.RawPath = parts[2], ""
	d.mux.ServeHTTP(w, r2)
}

// serveCall answers one request, and puts the faults that a test asked for into it.
func (d *Discord) serveCall(w http.ResponseWriter, r *http.Request, route string, who access, h discordHandler) {
	c := &discordCall{r: r, route: route}
	form, refused := readDiscordForm(r)
	c.form = form
	channel := d.channelOf(c)
	c.bot = d.bot(r.Header.Get("Authorization"))
	sends := postsOnDiscord(route)
	if sends {
		d.steps.call(DiscordStep{Name: SendReceived, Route: route, Channel: channel, Bot: c.bot})
	}
	process := func(accepted bool) *discordAnswer {
		var a *discordAnswer
		if accepted {
			if a = d.check(c, who, refused); a == nil {
				a = d.limit(c, who, func() *discordAnswer { return h(d, c) })
			}
		}
		d.log.request(DiscordRequest{Method: r.Method, Route: route, Channel: channel, Bot: c.bot, At: d.Now(), UserAgent: r.UserAgent()}, a)
		return a
	}
	a, delivered := d.faults.through(d, w, r, discordTarget{route, channel}, process)
	if sends && a != nil && a.post != nil && delivered {
		d.steps.call(DiscordStep{Name: SendAnswered, Route: route, Channel: channel, Bot: c.bot, Message: a.post.ID})
	}
}

// channelOf is the channel that a request is about, "" for none.
func (d *Discord) channelOf(c *discordCall) string {
	if token := c.path("token"); token != "" {
		d.mu.Lock()
		defer d.mu.Unlock()
		if in := d.calls[token]; in != nil {
			return in.Channel.ID
		}
	}
	return c.path("channel")
}

func postsOnDiscord(route string) bool {
	switch route {
	case RouteCreateMessage, RouteInteractionCallback, RouteFollowUp, RouteEditFollowUp:
		return true
	}
	return false
}

// Routes that tests break or look for.
const (
	RouteCreateMessage       = "POST /channels/{channel}/messages"
	RouteGetMessages         = "GET /channels/{channel}/messages"
	RouteEditMessage         = "PATCH /channels/{channel}/messages/{message}"
	RouteDeleteMessage       = "DELETE /channels/{channel}/messages/{message}"
	RouteTyping              = "POST /channels/{channel}/typing"
	RouteGetChannel          = "GET /channels/{channel}"
	RouteCreateDM            = "POST /users/@me/channels"
	RouteGateway             = "GET /gateway"
	RouteGatewayBot          = "GET /gateway/bot"
	RouteInteractionCallback = "POST /interactions/{id}/{token}/callback"
	RouteFollowUp            = "POST /webhooks/{app}/{token}"
	RouteEditFollowUp        = "PATCH /webhooks/{app}/{token}/messages/{message}" // also @original
)

// check refuses what no route takes.
func (d *Discord) check(c *discordCall, who access, refused *discordAnswer) *discordAnswer {
	switch ua := c.r.UserAgent(); {
	case !d.opt.AnyUserAgent && !strings.HasPrefix(ua, "DiscordBot ("):
		return dFailure(http.StatusForbidden, 40333, "internal network error") // the documentation: "may be blocked"
	case who == byBot && c.bot == nil:
		return dFailure(http.StatusUnauthorized, 0, "401: Unauthorized")
	case refused != nil:
		return refused
	}
	for _, name := range []string{"channel", "message", "guild", "app", "user", "id"} {
		if v := c.path(name); v != "" && v != "@original" && v != "@me" {
			if _, ok := parseID(v); !ok {
				return dInvalid(name+"_id", "NUMBER_TYPE_COERCE", `Value "`+v+`" is not snowflake.`)
			}
		}
	}
	return nil
}

// dGood is the answer of a request that succeeded.
func dGood(v any) *discordAnswer { return &discordAnswer{status: http.StatusOK, body: mustJSON(v)} }

// dDone is an answer without a body.
func dDone() *discordAnswer { return &discordAnswer{status: http.StatusNoContent} }

// dFailure is an error with its JSON code.
func dFailure(status, code int, message string) *discordAnswer {
	return &discordAnswer{status: status, code: code, body: mustJSON(map[string]any{"message": message, "code": code})}
}

// dInvalid is the error for a field of the body that is not valid; a dot in the field's name goes a level deeper.
func dInvalid(field, code, message string) *discordAnswer {
	var errs any = map[string]any{"_errors": []any{map[string]string{"code": code, "message": message}}}
	keys := strings.Split(field, ".")
	for i := len(keys) - 1; i >= 0; i-- {
		errs = map[string]any{keys[i]: errs}
	}
	return &discordAnswer{status: http.StatusBadRequest, code: 50035, body: mustJSON(map[string]any{
		"message": "Invalid Form Body", "code": 50035, "errors": errs,
	})}
}

func missingPermissions() *discordAnswer {
	return dFailure(http.StatusForbidden, 50013, "Missing Permissions")
}

// answer writes an answer and reports whether the client's connection took it.
func (d *Discord) answer(w http.ResponseWriter, a *discordAnswer) bool {
	h := w.Header()
	for k, v := range a.header {
		h[k] = []string{v}
	}
	if a.body == nil {
		w.WriteHeader(a.status)
		return http.NewResponseController(w).Flush() == nil
	}
	body := a.body
	if d.asStrings.Load() && a.status < 300 {
		body = numbersAsStrings(body)
	}
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(a.status)
	_, err := w.Write(body)
	if err == nil {
		err = http.NewResponseController(w).Flush()
	}
	return err == nil
}

// decode reads a JSON body into v.
func (c *discordCall) decode(v any) *discordAnswer {
	if len(c.form.payload) == 0 {
		return nil
	}
	if err := json.Unmarshal(c.form.payload, v); err != nil {
		if !json.Valid(c.form.payload) {
			return dFailure(http.StatusBadRequest, 50109, "The request body contains invalid JSON.")
		}
		return dInvalid(badField(err), "BASE_TYPE_BAD_TYPE", "Value has the wrong type.")
	}
	return nil
}
