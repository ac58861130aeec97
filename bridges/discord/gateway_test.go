package discord

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"avatarbridge/bridges/bridgetest"
	"avatarbridge/bridges/fault"
)

// beating is a simulator with heartbeats that are short enough to wait for.
func beating() bridgetest.DiscordOptions {
	return bridgetest.DiscordOptions{Heartbeat: 100 * time.Millisecond}
}

// resumes checks that all that came after the first identify was resumed.
func (w *world) identified(n int) {
	w.Helper()
	if got := w.d.Identifies(w.bot); len(got) != n {
		w.Errorf("%d identifies, want %d: %+v\n%s", len(got), n, got, w.logs)
	}
}

func TestABreakIsGoneOnFrom(t *testing.T) {
	for name, breaks := range map[string]func(*world){
		"cut":                   func(w *world) { w.d.CutGateways(w.bot) },
		"op 7":                  func(w *world) { w.d.AskReconnect(w.bot) },
		"closed by Discord":     func(w *world) { w.d.CloseGateways(w.bot, 4000) },
		"a zombie":              func(w *world) { w.d.Zombify(w.bot) },
		"no acknowledgements":   func(w *world) { w.d.StopAcks(w.bot) },
		"a resumable op 9":      func(w *world) { w.d.Invalidate(w.bot, true) },
		"away for a moment":     func(w *world) { w.d.Offline(); w.says(w.dm, "while away"); _ = w.d.Online() },
		"a half frame, and cut": func(w *world) { w.d.RawFrame(w.bot, bridgetest.FrameMalformed); w.d.CutGateways(w.bot) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, beating())
			w.run(w.bridge(nil))
			w.says(w.dm, "before")
			w.heard(1)
			breaks(w)
			w.says(w.dm, "in between")
			w.says(w.room, w.bot.Mention()+" in between")
			w.until("another connection", func() bool {
				c := w.d.Connections(w.bot)
				return len(c) > 0 && c[len(c)-1].Resumed
			})
			last := w.says(w.dm, "after")
			if err := w.rx.WaitFor(w.ctx, func() bool {
				all := w.rx.Unique()
				return all[len(all)-1].Key == last
			}); err != nil {
				t.Fatalf("%v\n%s", err, w.logs)
			}
			w.identified(1)
			if n := w.d.RequestCount(bridgetest.RouteGetMessages); n != 0 {
				t.Errorf("the history was asked %d times", n)
			}
		})
	}
}

func TestADeadConnectionIsNoticedWithinThreeHeartbeats(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{Heartbeat: 2 * time.Second})
	w.run(w.bridge(nil))
	began := time.Now()
	w.d.Zombify(w.bot)
	w.told("dead")
	if took := time.Since(began); took > 3*2*time.Second+1500*time.Millisecond {
		t.Errorf("it took %v", took)
	}
}

func TestASessionThatIsOverIsBegunAnew(t *testing.T) {
	for name, breaks := range map[string]func(*world){
		"op 9":           func(w *world) { w.d.Invalidate(w.bot, false) },
		"wrong sequence": func(w *world) { w.d.CloseGateways(w.bot, 4007) },
		"timed out":      func(w *world) { w.d.CloseGateways(w.bot, 4009) },
		"forgotten": func(w *world) {
			w.d.Offline()
			w.until("the connection to be gone", func() bool { return len(w.d.Connections(w.bot)) == 0 }) // from now on the session is left
			w.d.Advance(time.Hour)
			_ = w.d.Online()
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, bridgetest.DiscordOptions{})
			w.rx.SetPlaces(w.place(w.dm))
			w.run(w.bridge(nil))
			w.says(w.dm, "before")
			w.heard(1)
			breaks(w)
			w.until("another session", func() bool { return len(w.d.Identifies(w.bot)) == 2 })
			w.says(w.dm, "after")
			w.heard(2)
		})
	}
}

func TestARestartGoesOnWithTheSession(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{})
	stop := w.run(w.bridge(nil))
	w.says(w.dm, "one")
	w.heard(1)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	gone := w.says(w.dm, "two")
	w.d.Delete(w.dm, gone) // which no history tells
	w.says(w.dm, "three")
	w.run(w.bridge(nil))
	got := w.heard(4)
	if got[1].Key != gone || got[2].Target != gone || got[3].Text != "three" {
		t.Errorf("heard %+v", got[1:])
	}
	w.identified(1)
}

func TestASessionIsStoredBeforeAnybodyHasWritten(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{})
	stop := w.run(w.bridge(nil))
	if err := w.rx.WaitFor(w.ctx, func() bool { return w.rx.Cursor() != "" }); err != nil {
		t.Fatal(err)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	w.says(w.dm, "the first word ever")
	w.run(w.bridge(nil))
	w.heard(1)
	w.identified(1)
}

func TestAProgramThatDiesRightAfterItsSessionBeganHasStoredIt(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{})
	b := w.bridge(nil)
	l := &listener{bridge: b, rx: w.rx, log: b.log, tree: &tree{}}
	in := &intake{listener: l, points: make([]point, 1), gates: map[string]*gate{}, toldAt: time.Now()}
	in.take(w.ctx, &item{at: time.Now(), begins: &session{ID: "a-new-one", Seq: 1}})
	if err := in.store(w.ctx); err != nil {
		t.Fatal(err)
	}
	if got := readCursor(w.rx.Cursor(), 1)[0]; got.ID != "a-new-one" {
		t.Errorf("stored is %+v", got)
	}
}

func TestTroubleAtTheBeginningIsOutlived(t *testing.T) {
	for name, f := range map[string]bridgetest.DiscordGatewayFault{
		"refused":          {Effect: bridgetest.GatewayRefused},
		"op 7 first":       {Effect: bridgetest.GatewayFrame, Frame: bridgetest.FrameReconnect},
		"null first":       {Effect: bridgetest.GatewayFrame, Frame: bridgetest.FrameNull},
		"no interval":      {Effect: bridgetest.GatewayFrame, Frame: bridgetest.FrameZeroHeartbeat},
		"closed":           {Effect: bridgetest.GatewayClosed},
		"rate limited":     {Effect: bridgetest.GatewayClosed, Code: 4008},
		"op 9":             {Effect: bridgetest.GatewayInvalid},
		"op 9, resumable":  {Effect: bridgetest.GatewayInvalid, Resumable: true},
		"cut":              {Effect: bridgetest.GatewayCut},
		"identify is mute": {Effect: bridgetest.GatewayMute},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, beating())
			f.Times = 2
			w.d.BreakGateway(f)
			w.begin(w.bridge(nil))
			if err := w.rx.WaitHealth(w.ctx, true); err != nil {
				t.Fatal(err)
			}
			if err := w.rx.WaitHealth(w.ctx, false); err != nil {
				t.Fatalf("%v\n%s", err, w.logs)
			}
			w.says(w.dm, "hello")
			w.heard(1)
		})
	}
}

func TestSomeClosesStopTheBridgeAndSayWhatToSwitchOn(t *testing.T) {
	for code, want := range map[int]string{4004: "token", 4010: `shards = "auto"`, 4011: `shards = "auto"`, 4012: "newer version", 4013: "newer version",
		4014: `"Message Content Intent"`} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			w := newWorld(t, bridgetest.DiscordOptions{})
			w.d.BreakGateway(bridgetest.DiscordGatewayFault{Effect: bridgetest.GatewayClosed, Code: code})
			w.outcome(w.fails(w.bridge(nil)), fault.Dead, want)
			if n := len(w.d.Identifies(w.bot)); n > 1 {
				t.Errorf("it tried %d times", n)
			}
		})
	}
}

func TestAMissingIntentStopsTheBridge(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{})
	err := w.fails(w.bridge(nil, func(c *Config) { c.MessageContent = true }))
	w.outcome(err, fault.Dead, "message_content = false")
}

func TestATokenThatIsRevokedWhileItRunsStopsTheBridge(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{})
	b := w.bridge(nil)
	done := make(chan error, 1)
	go func() { done <- b.Run(w.ctx, w.rx) }()
	if err := w.rx.WaitHealth(w.ctx, false); err != nil {
		t.Fatal(err)
	}
	w.d.Revoke(w.bot)
	w.d.CutGateways(w.bot)
	w.outcome(<-done, fault.Dead, "token")
}

func TestNoSessionIsBegunWhenNoneIsLeft(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{SessionStarts: 1})
	w.run(w.bridge(nil))
	w.d.Invalidate(w.bot, false)
	w.told("all that Discord allows")
	w.identified(1)
}

func TestShardsIdentifyInTurn(t *testing.T) {
	const every = 60 * time.Millisecond
	w := newWorld(t, bridgetest.DiscordOptions{Shards: 4, MaxConcurrency: 2, IdentifyEvery: every})
	var guilds []*bridgetest.DiscordChannel
	for range 8 {
		guilds = append(guilds, w.d.AddText(w.d.AddGuild("Guild", w.bot), "room", nil))
	}
	b := w.bridge(nil)
	b.gate.every = every + 20*time.Millisecond
	w.run(b)
	w.identified(4)
	for _, i := range w.d.Identifies(w.bot) {
		if i.TooSoon {
			t.Errorf("an identify came too soon: %+v", i)
		}
	}
	for _, c := range guilds {
		w.says(c, w.bot.Mention()+" hello")
	}
	w.says(w.dm, "hello")
	w.heard(9)
	if len(w.rx.Stored()) != 9 {
		t.Errorf("something was heard by several shards: %+v", w.rx.Stored())
	}
}

func TestShardsOfTheConfigurationHold(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{Shards: 4})
	w.run(w.bridge(nil, func(c *Config) { c.Shards = int64(2) }))
	if got := w.d.Connections(w.bot); len(got) != 2 || got[1].Shard != [2]int{1, 2} {
		t.Errorf("connections %+v", got)
	}
}

func TestAnotherServersGatewayIsTheOneThatItNames(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{})
	d := bridgetest.NewDiscord(t, bridgetest.DiscordOptions{GatewayURL: strings.Replace(w.d.URL(), "http", "ws", 1)})
	bot := d.AddBot(bridgetest.DiscordBotOptions{Token: w.bot.Token})
	w.run(w.bridge(nil, func(c *Config) { c.APIURL = d.URL() + "/" }))
	if len(w.d.Connections(w.bot)) != 1 || len(d.Connections(bot)) != 0 {
		t.Error("the gateway was not asked for")
	}
}

func TestWhileNothingIsStoredTheConnectionLivesAndNothingIsLost(t *testing.T) {
	w := newWorld(t, beating())
	release := w.rx.Hold()
	defer release()
	w.run(w.bridge(nil))
	const n = intakeSize + 500
	for range n {
		w.says(w.dm, "message body")
	}
	beats := func() (n int64) {
		for _, c := range w.d.Connections(w.bot) {
			n += c.Heartbeats
		}
		return n
	}
	now := beats()
	w.until("heartbeats", func() bool { return beats() > now+6 })
	release()
	w.heard(n)
	w.identified(1)
}

func TestRunEndsWhenTheGatewaySaysNothing(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{})
	w.d.BreakGateway(bridgetest.DiscordGatewayFault{Effect: bridgetest.GatewaySilent})
	stop := w.begin(w.bridge(nil))
	w.until("a connection", func() bool { return len(w.d.Connections(nil)) > 0 })
	began := time.Now()
	if err := stop(); err != nil || time.Since(began) > 10*time.Second {
		t.Errorf("Run returned %v after %v", err, time.Since(began))
	}
}
