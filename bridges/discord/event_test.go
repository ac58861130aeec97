package discord

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"avatarbridge/bridges"
	"avatarbridge/bridges/bridgetest"
	"avatarbridge/bridges/fault"
)

func TestWhatIsSaidToTheBot(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{})
	w.bot = w.d.AddBot(bridgetest.DiscordBotOptions{MessageContent: true})
	w.hide = append(w.hide, w.bot.Token)
	w.d.Join(w.guild, w.bot)
	role, others := w.d.AddBotRole(w.guild, w.bot), w.d.AddRole(w.guild, "others", 0, true)
	bob := w.d.AddUser("Bob")
	w.d.AddMember(w.guild, bob)
	b := w.bridge(nil, func(c *Config) { c.MessageContent = true })
	sent, err := b.Send(w.ctx, w.text(w.room, "I said something"))
	if err != nil {
		t.Fatal(err)
	}
	w.run(b)
	at := w.bot.Mention()
	cases := []struct {
		line      bridgetest.DiscordLine
		text      string
		addressed bool
	}{
		{bridgetest.DiscordLine{Text: "to nobody"}, "to nobody", false},
		{bridgetest.DiscordLine{Text: at + " hello"}, "hello", true},
		{bridgetest.DiscordLine{Text: at + ", hello " + at}, "hello", true},
		{bridgetest.DiscordLine{Text: "do you hear, " + at + ", me"}, "do you hear, @" + w.bot.Name + ", me", true},
		{bridgetest.DiscordLine{Text: strings.Replace(at, "<@", "<@!", 1) + ": hello"}, "hello", true},
		{bridgetest.DiscordLine{Text: at}, "", true},
		{bridgetest.DiscordLine{Text: bob.Mention() + " hello <:wave:123456789012345678>"}, "@Bob hello :wave:", false},
		{bridgetest.DiscordLine{Text: "yes", ReplyTo: sent}, "yes", true},
		{bridgetest.DiscordLine{Text: "silently", ReplyTo: sent, Silently: true}, "silently", true},
		{bridgetest.DiscordLine{Text: role.Mention() + " hello"}, "hello", true},
		{bridgetest.DiscordLine{Text: "do you hear, " + role.Mention()}, "do you hear,", true},
		{bridgetest.DiscordLine{Text: "you, " + role.Mention() + ", I mean"}, "you, @" + w.bot.Name + ", I mean", true},
		{bridgetest.DiscordLine{Text: others.Mention() + " hello"}, others.Mention() + " hello", false},
		{bridgetest.DiscordLine{Text: "<@99999999999999999> x"}, "<@99999999999999999> x", false},
	}
	for _, c := range cases {
		c.line.Channel, c.line.From = w.room, w.anna
		w.d.Say(c.line)
	}
	for i, e := range w.heard(len(cases)) {
		if c := cases[i]; e.Text != c.text || e.Addressed != c.addressed || e.Kind != bridges.Written {
			t.Errorf("%q became %q, addressed %v; want %q, %v", c.line.Text, e.Text, e.Addressed, c.text, c.addressed)
		}
	}
}

func TestWithoutTheIntentOnlyWhatIsForTheBotIsHeard(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{})
	w.run(w.bridge(nil))
	w.says(w.room, "to nobody")
	w.says(w.room, w.bot.Mention()+" to the bot")
	w.says(w.dm, "in private")
	got := w.heard(2)
	if got[0].Text != "to the bot" || got[1].Text != "in private" || !got[1].Addressed || !got[1].Place.Direct {
		t.Errorf("heard %+v", got)
	}
	if c := w.d.Connections(w.bot); len(c) != 1 || c[0].Intents&(1<<15|1<<1|1<<8) != 0 {
		t.Errorf("privileged intents are asked for: %+v", c)
	}
}

func TestAPlaceNamesAllThatItIsIn(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{})
	thread := w.d.AddThread(w.room, "before", w.anna)
	forum := w.d.AddForum(w.guild, "forum", nil)
	stop := w.run(w.bridge(nil))
	later := w.d.AddThread(w.room, "later", w.anna)
	lone := w.d.AddText(w.guild, "lone", nil)
	say := func(c *bridgetest.DiscordChannel) { w.says(c, w.bot.Mention()+" hello") }
	post := w.d.AddPost(forum, "A question", w.anna, w.bot.Mention()+" what is it?")
	for _, c := range []*bridgetest.DiscordChannel{w.room, thread, later, lone} {
		say(c)
	}
	g := w.guild.ID
	want := map[string][]string{post.ID: {forum.ID, g}, w.room.ID: {w.rooms.ID, g}, thread.ID: {w.room.ID, w.rooms.ID, g},
		later.ID: {w.room.ID, w.rooms.ID, g}, lone.ID: {g}}
	check := func(events []bridges.Event) {
		for _, e := range events {
			if !slices.Equal(e.Within, want[e.Place.Channel]) || e.Place.Direct || e.Place.Thread != "" {
				t.Errorf("%+v is within %v, want %v", e.Place, e.Within, want[e.Place.Channel])
			}
		}
	}
	check(w.heard(5))
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	w.run(w.bridge(nil)) // goes on with its session, so that Discord does not name the channels again
	for _, c := range []*bridgetest.DiscordChannel{w.room, thread, later, lone, post} {
		say(c)
	}
	check(w.heard(10))
	if n := len(w.d.Identifies(w.bot)); n != 1 {
		t.Errorf("%d identifies, want 1", n)
	}
}

func TestPeopleAndBots(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{})
	role := w.d.AddRole(w.guild, "friends", 0, false)
	w.d.AddMember(w.guild, w.anna, role)
	w.d.Nick(w.guild, w.anna, "Annie")
	other := w.d.AddUser("Other")
	other.Bot = true
	w.run(w.bridge(nil))
	hi := w.bot.Mention() + " hi"
	w.d.Say(bridgetest.DiscordLine{Channel: w.room, From: other, Text: hi})
	w.d.Say(bridgetest.DiscordLine{Channel: w.room, From: w.anna, Text: hi, Webhook: true})
	w.d.Say(bridgetest.DiscordLine{Channel: w.room, From: w.anna, Text: hi, Kind: 7})
	w.says(w.room, hi)
	w.says(w.dm, "hi")
	got := w.heard(2)
	if p := got[0].From; p.User != w.anna.ID || p.Name != "Annie" || !slices.Equal(p.Roles, []string{role.ID}) || p.Bot || p.Manages {
		t.Errorf("in the guild: %+v", p)
	}
	if p := got[1].From; p.User != w.anna.ID || p.Name != "Anna" || p.Platform != "discord" || p.Tenant != "" {
		t.Errorf("in private: %+v", p)
	}
	if len(w.rx.Stored()) != 2 {
		t.Errorf("bots were heard: %+v", w.rx.Stored())
	}
}

func TestFilesAreAddressesAndVoicesAttachments(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{})
	b := w.bridge(nil)
	w.run(b)
	w.d.Say(bridgetest.DiscordLine{Channel: w.dm, From: w.anna, Text: "look", Files: []bridgetest.DiscordFile{{Name: "a.png", Type: "image/png", Data: []byte("png")}}})
	w.d.Say(bridgetest.DiscordLine{Channel: w.dm, From: w.anna, Files: []bridgetest.DiscordFile{
		{Name: "voice-message.ogg", Type: "audio/ogg", Data: []byte("OggS said"), Duration: 1, Waveform: []byte{1}}}})
	got := w.heard(2)
	text, link, _ := strings.Cut(got[0].Text, "\n")
	if text != "look" || !strings.HasPrefix(link, w.d.URL()+"/cdn/attachments/") || len(got[0].Attachments) != 0 {
		t.Errorf("a picture became %+v", got[0])
	}
	voice := got[1]
	if voice.Text != "" || len(voice.Attachments) != 1 || voice.Attachments[0].Kind != "voice" || voice.Attachments[0].Size != 9 {
		t.Fatalf("a voice became %+v", voice)
	}
	if f, err := b.Attachment(w.ctx, voice.Attachments[0]); err != nil || string(f.Data) != "OggS said" || f.Type != "audio/ogg" {
		t.Errorf("fetched %+v, %v", f, err)
	}
	w.d.Delete(w.dm, voice.Message)
	_, err := b.Attachment(w.ctx, voice.Attachments[0])
	w.outcome(err, fault.Rejected, "gone")
	_, err = b.Attachment(w.ctx, bridges.Attachment{Ref: "../../x"})
	w.outcome(err, fault.Rejected, "none of Discord's")
}

func TestFilesAreFetchedFromDiscordAlone(t *testing.T) {
	b := newWorld(t, bridgetest.DiscordOptions{}).bridge(nil, func(c *Config) { c.APIURL = "https://discord.com" })
	for link, want := range map[string]bool{
		"https://cdn.discordapp.com/attachments/1/2/a.ogg": true, "https://media.discordapp.net/x": true, "https://discord.com/x": true,
		"http://cdn.discordapp.com/x": false, "https://cdn.discordapp.com.evil.org/x": false, "https://169.254.169.254/x": false,
		"https://cdn.discordapp.com@evil.org/x": false, "https://cdn.discordapp.com:8443/x": false, "file:///etc/passwd": false, "": false,
	} {
		u, err := url.Parse(link)
		if err != nil {
			t.Fatal(err)
		}
		if got := b.trusts(u); got != want {
			t.Errorf("%s: %v", link, got)
		}
	}
}

func TestEditsAndDeletionsNameTheirMessage(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{})
	w.run(w.bridge(nil))
	one := w.says(w.dm, "one")
	w.d.Touch(w.dm, one)
	w.d.Edit(w.dm, one, "two")
	two, three := w.says(w.room, w.bot.Mention()+" a"), w.says(w.room, w.bot.Mention()+" b")
	w.d.Delete(w.dm, one)
	w.d.Delete(w.room, two, three)
	var shown []string
	for _, e := range w.heard(7) {
		switch e.Kind {
		case bridges.Written:
			shown = append(shown, "written "+e.Key)
		case bridges.Edited:
			shown = append(shown, "edited "+e.Target+" "+e.Text+e.Key)
		case bridges.Deleted:
			shown = append(shown, "deleted "+e.Target+e.Key)
		}
	}
	want := []string{"written " + one, "edited " + one + " two", "written " + two, "written " + three, "deleted " + one, "deleted " + two, "deleted " + three}
	if !slices.Equal(shown, want) {
		t.Errorf("heard %q, want %q", shown, want)
	}
}

func TestNumbersAsStringsAreNumbers(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{})
	w.d.SendNumbersAsStrings(true)
	b := w.bridge(nil)
	w.run(b)
	w.says(w.room, w.bot.Mention()+" hello")
	w.says(w.dm, "hello")
	if got := w.heard(2); got[0].Text != "hello" || !slices.Equal(got[0].Within, []string{w.rooms.ID, w.guild.ID}) {
		t.Errorf("heard %+v", got)
	}
	if id, err := b.Send(w.ctx, w.text(w.dm, "answer")); err != nil || id == "" {
		t.Errorf("sent %q, %v", id, err)
	}
}

func FuzzEvents(f *testing.F) {
	for _, e := range [][2]string{
		{"MESSAGE_CREATE", `{"id":"1","channel_id":"2","guild_id":"3","author":{"id":"4"},"content":"<@5> hi","mentions":[{"id":"5"}],"attachments":[{"id":"6"}],"flags":8192}`},
		{"MESSAGE_UPDATE", `{"id":"1","channel_id":"2","author":{"id":"4"},"content":"x","edited_timestamp":"y","referenced_message":{"author":null}}`},
		{"MESSAGE_DELETE_BULK", `{"ids":["1",2,null],"channel_id":"2"}`},
		{"INTERACTION_CREATE", `{"id":"1","application_id":"2","type":"2","token":"t","channel_id":"3","member":{"user":{"id":"4"},"permissions":"8"},"data":{"name":"ask","options":[{"name":"text","value":7}]}}`},
		{"GUILD_CREATE", `{"id":"1","channels":[{"id":"2","parent_id":null}],"threads":[{"id":"3","parent_id":"2"}]}`},
		{"THREAD_LIST_SYNC", `{"guild_id":"1","threads":[{}]}`}, {"GUILD_DELETE", `{"id":"1"}`}, {"CHANNEL_DELETE", `{"id":"2","guild_id":"1"}`},
	} {
		f.Add(e[0], []byte(e[1]))
	}
	f.Fuzz(func(t *testing.T, kind string, data []byte) {
		b, err := New(Config{Token: strings.Repeat("x", 30), APIURL: "http://127.0.0.1:1"}, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		l := &listener{bridge: b, me: user{ID: "5"}, log: b.log, tree: &tree{}}
		events, _ := l.decode(kind, data)
		for _, h := range events {
			switch {
			case h.Kind != bridges.Deleted && h.From.User == "", h.Kind == bridges.Written && h.Key == "", h.From.Bot:
				t.Errorf("%s became %+v", data, h)
			case h.Place.Channel != "" && toID(h.Place.Channel) == "":
				t.Errorf("%q is no channel", h.Place.Channel)
			}
		}
	})
}

func TestAStickerAloneIsAMessageWithoutText(t *testing.T) {
	w := newWorld(t, bridgetest.DiscordOptions{})
	b := w.bridge(nil)
	sent, err := b.Send(w.ctx, w.text(w.room, "I said something"))
	if err != nil {
		t.Fatal(err)
	}
	w.run(b)
	w.says(w.room, "")
	w.d.Say(bridgetest.DiscordLine{Channel: w.room, From: w.anna, ReplyTo: sent, Silently: true}) // whose text, if any, the bot may not read
	w.d.Say(bridgetest.DiscordLine{Channel: w.room, From: w.anna, ReplyTo: sent})
	w.says(w.dm, "")
	for i, e := range w.heard(2) {
		if e.Text != "" || len(e.Attachments) != 1 || !e.Addressed || e.Place != w.place([]*bridgetest.DiscordChannel{w.room, w.dm}[i]) {
			t.Errorf("heard %+v", e)
		}
	}
}
