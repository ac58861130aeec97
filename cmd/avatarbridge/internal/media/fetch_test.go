package media

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"avatarbridge/bridges"
	"avatarbridge/bridges/fault"
)

// TestMain lets the test binary play ffmpeg: what it does is in its input, behind the header of a WAV.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "-hide_banner" {
		os.Exit(playFFmpeg())
	}
	os.Exit(m.Run())
}

// played is the address space of the played ffmpeg: a Go program reserves far more of it than it uses.
const played = 1 << 40

const oggOpus = "OggS\x00\x02..............\x01\x13OpusHead"

func playFFmpeg() int {
	in, _ := io.ReadAll(os.Stdin)
	switch {
	case bytes.HasSuffix(in, []byte("convert")):
		io.WriteString(os.Stdout, oggOpus)
	case bytes.HasSuffix(in, []byte("args")):
		io.WriteString(os.Stdout, oggOpus+strings.Join(os.Args[1:], " ")+"|"+strings.Join(os.Environ(), " "))
	case bytes.HasSuffix(in, []byte("limits")):
		limits, _ := os.ReadFile("/proc/self/limits")
		io.WriteString(os.Stdout, oggOpus+string(limits))
	case bytes.HasSuffix(in, []byte("garbage")):
		io.WriteString(os.Stdout, "no audio")
	case bytes.HasSuffix(in, []byte("fail")):
		io.WriteString(os.Stderr, "pipe:0: Invalid data found\nmore")
		return 1
	case bytes.HasSuffix(in, []byte("flood")):
		for {
			if _, err := os.Stdout.Write(make([]byte, 1<<16)); err != nil {
				return 1
			}
		}
	case bytes.HasSuffix(in, []byte("hang")):
		io.WriteString(os.Stdout, oggOpus)
		time.Sleep(time.Hour)
	}
	return 0
}

func fetch(t *testing.T, s *Store, url, want string) (*bridges.File, error) {
	t.Helper()
	return s.Fetch(t.Context(), bridges.Audio{Source: url, AllowPrivate: true}, want)
}

// serve serves h on 127.0.0.1 until the test ends.
func serve(t *testing.T, h http.HandlerFunc) (url string) {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv.URL
}

// give serves these bytes under a type that is wrong.
func give(t *testing.T, data string) (url string) {
	return serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, data)
	})
}

func TestAudioIsFetchedWhateverItsDeclaredType(t *testing.T) {
	for mime, data := range map[string]string{
		"audio/mpeg": "ID3\x04\x00", "audio/ogg": oggOpus, "audio/wav": string(tone(3)), "audio/flac": "fLaC\x00", "audio/mp4": "\x00\x00\x00\x20ftypM4A \x00",
		"audio/webm": "\x1aE\xdf\xa3\x01", "audio/aac": "\xff\xf1\x50\x80", "audio/amr": "#!AMR\n", "audio/aiff": "FORM\x00\x00\x00\x00AIFF",
	} {
		f, err := fetch(t, newStore(t, Config{}), give(t, data), "")
		if err != nil || f.Type != mime || string(f.Data) != data {
			t.Errorf("%s: %+v, %v", mime, f, err)
		}
	}
	f, err := fetch(t, newStore(t, Config{}), give(t, "\xff\xfb\x90\x64mp3 without a tag"), "")
	if err != nil || f.Name != "audio.mp3" {
		t.Errorf("%+v, %v", f, err)
	}
}

func TestWhatIsNoAudioIsRejected(t *testing.T) {
	for _, data := range []string{"", "<html>", "{\"error\":1}", "\xff\xff\xff\xff", "#EXTM3U", "\x00\x00\x00\x20ftypavif", "\x00\x00\x00\x20ftypis"} {
		_, err := fetch(t, newStore(t, Config{}), give(t, data), "")
		wantKind(t, err, fault.Rejected)
	}
}

func TestTheStatusDecidesWhetherAFetchIsRepeated(t *testing.T) {
	for status, want := range map[int]fault.Kind{
		404: fault.Rejected, 403: fault.Rejected, 401: fault.Rejected, 410: fault.Rejected, 204: fault.Rejected, 206: fault.Rejected,
		500: fault.Retry, 502: fault.Retry, 503: fault.Retry, 429: fault.Retry, 408: fault.Retry,
	} {
		url := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		_, err := fetch(t, newStore(t, Config{}), url, "")
		wantKind(t, err, want)
	}
}

func TestPrivateAddressesAreFetchedOnlyForAvatarsThatMayNameThem(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) { w.Write(tone(1)) })
	s := newStore(t, Config{})
	_, err := s.Fetch(t.Context(), bridges.Audio{Source: url}, "")
	wantKind(t, err, fault.Rejected)
	if !strings.Contains(err.Error(), "allow_private") {
		t.Errorf("error %q does not name the setting", err)
	}
	if _, err := s.Fetch(t.Context(), bridges.Audio{Source: url, AllowPrivate: true}, ""); err != nil {
		t.Error(err)
	}
}

func TestAFetchThatIsTooLargeIsRejected(t *testing.T) {
	s := newStore(t, Config{MaxBytes: 1 << 16})
	for name, h := range map[string]http.HandlerFunc{
		"declared": func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "65537") },
		"endless": func(w http.ResponseWriter, _ *http.Request) {
			for {
				if _, err := w.Write(make([]byte, 4096)); err != nil {
					return
				}
			}
		},
		"packed": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			z.Write(make([]byte, 1<<20))
			z.Close()
		},
	} {
		_, err := fetch(t, s, serve(t, h), "")
		if o := fault.Of(err); err == nil || o.Kind != fault.Rejected || !strings.Contains(o.Reason, "65536") {
			t.Errorf("%s: %v", name, err)
		}
	}
	exact := append(tone(1), make([]byte, 1<<16-len(tone(1)))...)
	if _, err := fetch(t, s, give(t, string(exact)), ""); err != nil {
		t.Errorf("exactly the limit: %v", err)
	}
}

func TestNetworkTroubleIsRetriedAndShowsNoURL(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := "http://" + ln.Addr().String()
	ln.Close()
	cut := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		w.Write(tone(1))
		panic(http.ErrAbortHandler)
	})
	for name, url := range map[string]string{"nobody listens": closed, "the connection breaks": cut} {
		_, err := fetch(t, newStore(t, Config{}), url+"/?sig=S3CRET", "")
		wantKind(t, err, fault.Retry)
		if strings.Contains(err.Error(), "S3CRET") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAServerThatStaysDownCostsTheSoundAndNotTheText(t *testing.T) {
	var up bool
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if !up {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		w.Write(tone(1))
	})
	s := newStore(t, Config{})
	now := time.Now()
	s.now = func() time.Time { return now }
	for _, step := range []struct {
		after time.Duration
		want  fault.Kind
	}{{0, fault.Retry}, {59 * time.Second, fault.Retry}, {time.Second, fault.Rejected}, {0, fault.Retry}} {
		now = now.Add(step.after)
		_, err := fetch(t, s, url, "")
		wantKind(t, err, step.want)
	}
	up = true
	if _, err := fetch(t, s, url, ""); err != nil {
		t.Fatal(err)
	}
	up, now = false, now.Add(2*DefaultKeep) // the copy has expired
	_, err := fetch(t, s, url, "")          // its earlier trouble is over
	wantKind(t, err, fault.Retry)
}

func TestSourcesInTroubleTakeBoundedMemory(t *testing.T) {
	var p patience
	down := &fault.Outcome{Reason: "down"}
	now := time.Now()
	for i := range maxSources {
		wantKind(t, p.judge(strconv.Itoa(i), down, now), fault.Retry)
	}
	wantKind(t, p.judge("one more", down, now), fault.Rejected)
	wantKind(t, p.judge("later", down, now.Add(time.Hour)), fault.Retry)
	if len(p.since) != 1 {
		t.Errorf("%d sources are remembered", len(p.since))
	}
}

func TestAStoppedFetchSaysNothingAboutItsSource(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := newStore(t, Config{})
	_, err := s.Fetch(ctx, bridges.Audio{Source: "http://127.0.0.1:1/", AllowPrivate: true}, "")
	wantKind(t, err, fault.Retry)
	if len(s.patience.since) > 0 {
		t.Errorf("remembered: %v", s.patience.since)
	}
}

func TestASlowServerIsGivenUp(t *testing.T) {
	over := make(chan struct{})
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Write(tone(1))
		http.NewResponseController(w).Flush()
		select {
		case <-r.Context().Done():
		case <-over:
		}
	})
	defer close(over)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := newStore(t, Config{}).Fetch(ctx, bridges.Audio{Source: url, AllowPrivate: true}, "")
	wantKind(t, err, fault.Retry)
}

func TestExpiredKeptAudioIsRejected(t *testing.T) {
	_, err := newStore(t, Config{}).Fetch(t.Context(), bridges.Audio{Source: "media:unknown"}, "")
	wantKind(t, err, fault.Rejected)
}

// wave is a WAV that tells the played ffmpeg what to do.
func wave(do string) string { return string(tone(50)) + do }

// withFFmpeg is a store whose ffmpeg is this test binary.
func withFFmpeg(t *testing.T) *Store {
	s := newStore(t, Config{MaxBytes: 1 << 20})
	s.ffmpeg = os.Executable
	s.memory = played
	return s
}

func TestAudioIsConvertedWhereFFmpegIs(t *testing.T) {
	f, err := fetch(t, withFFmpeg(t), give(t, wave("convert")), "audio/ogg")
	if err != nil || string(f.Data) != oggOpus || f.Type != "audio/ogg" || f.Name != "audio.ogg" {
		t.Errorf("%+v, %v", f, err)
	}
}

func TestOggThatIsOpusAlreadyIsNotConverted(t *testing.T) {
	s := newStore(t, Config{})
	s.ffmpeg = func() (string, error) { t.Error("ffmpeg was looked for"); return "", exec.ErrNotFound }
	if _, err := fetch(t, s, give(t, oggOpus), "audio/ogg"); err != nil {
		t.Error(err)
	}
}

func TestOggThatIsVorbisIsConverted(t *testing.T) {
	f, err := fetch(t, withFFmpeg(t), give(t, "OggS\x00\x02..............\x01\x1e\x01vorbis convert"), "audio/ogg")
	if err != nil || string(f.Data) != oggOpus {
		t.Errorf("%+v, %v", f, err)
	}
}

func TestConversionIsRejectedWhereItCannotBe(t *testing.T) {
	s := newStore(t, Config{})
	s.ffmpeg = func() (string, error) { return "", exec.ErrNotFound }
	_, err := fetch(t, s, give(t, wave("convert")), "audio/ogg")
	wantKind(t, err, fault.Rejected)
	if !strings.Contains(err.Error(), "ffmpeg") {
		t.Errorf("error %q does not say what to install", err)
	}
	for do, want := range map[string]string{"fail": "Invalid data found", "garbage": "no audio/ogg", "flood": "killed", "": "no audio/ogg"} {
		_, err := fetch(t, withFFmpeg(t), give(t, wave(do)), "audio/ogg")
		wantKind(t, err, fault.Rejected)
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", do, err)
		}
	}
	_, err = fetch(t, withFFmpeg(t), give(t, wave("convert")), "audio/x-unheard-of")
	wantKind(t, err, fault.Rejected)
}

func TestFFmpegMayOpenNothingButItsPipesAndGetsNoEnvironment(t *testing.T) {
	t.Setenv("TELEGRAM_TOKEN", "S3CRET")
	f, err := fetch(t, withFFmpeg(t), give(t, wave("args")), "audio/ogg")
	if err != nil {
		t.Fatal(err)
	}
	args, env, _ := strings.Cut(string(f.Data), "|")
	if !strings.Contains(args, "-protocol_whitelist pipe -f wav") {
		t.Errorf("arguments %q", args)
	}
	if env != "LC_ALL=C" {
		t.Errorf("environment %q", env)
	}
}

func TestFFmpegIsBounded(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("a running process is bounded on Linux only")
	}
	f, err := fetch(t, withFFmpeg(t), give(t, wave("limits")), "audio/ogg")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`Max cpu time +20 `, `Max address space +1099511627776 `} {
		if !regexp.MustCompile(want).Match(f.Data) {
			t.Errorf("no %q in %s", want, f.Data)
		}
	}
}

func TestAConversionThatHangsIsKilled(t *testing.T) {
	for name, test := range map[string]struct {
		stop func(context.Context) (context.Context, context.CancelFunc)
		want fault.Kind
	}{
		"it is too slow": {func(c context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(c, 300*time.Millisecond)
		}, fault.Rejected},
		"the program stops": {func(c context.Context) (context.Context, context.CancelFunc) {
			c, cancel := context.WithCancel(c)
			time.AfterFunc(300*time.Millisecond, cancel)
			return c, cancel
		}, fault.Retry},
	} {
		t.Run(name, func(t *testing.T) {
			url := give(t, wave("hang"))
			ctx, cancel := test.stop(t.Context())
			defer cancel()
			_, err := withFFmpeg(t).Fetch(ctx, bridges.Audio{Source: url, AllowPrivate: true}, "audio/ogg")
			wantKind(t, err, test.want)
		})
	}
}

func TestRealFFmpegMakesOpus(t *testing.T) {
	if _, err := findFFmpeg(); errors.Is(err, exec.ErrNotFound) {
		if os.Getenv("AVATARBRIDGE_TEST_ALL") != "" {
			t.Fatal("ffmpeg is not installed")
		}
		t.Skip("ffmpeg is not installed")
	}
	for want, like := range map[string]*format{"audio/ogg": opus, "audio/mpeg": mp3} {
		f, err := fetch(t, newStore(t, Config{}), give(t, string(tone(16000))), want)
		if err != nil {
			t.Fatal(err)
		}
		if sniff(f.Data) != like || f.Type != want || len(f.Data) < 1000 {
			t.Errorf("%d bytes of %s", len(f.Data), f.Type)
		}
	}
	_, err := fetch(t, newStore(t, Config{}), give(t, "RIFF....WAVEbroken"), "audio/ogg")
	wantKind(t, err, fault.Rejected)
}
