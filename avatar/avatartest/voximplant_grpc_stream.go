package avatartest

import (
	"context"
	"io"
	"strconv"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// login makes a token for a session or the key.
func (v *VoximplantGRPC) login(ctx context.Context, account int64, session, key string) (string, error) {
	v.step(GRPCLoginAsked, Heard{})
	if err := v.meet(ctx, v.next(GRPCLoginAsked, Heard{})); err != nil {
		return "", err
	}
	if err := v.rate.take(); err != nil {
		return "", err
	}
	if account != v.cfg.AccountID || key != v.cfg.APIKey && !v.tokens.knows(session) {
		return "", status.Error(codes.Unauthenticated, "authorization failed")
	}
	return v.tokens.issue(v.cfg.Life)
}

// conversation is one conversation.
func (v *VoximplantGRPC) conversation(stream grpc.ServerStream) error {
	md, _ := metadata.FromIncomingContext(stream.Context())
	token := first(md, "authorization")
	if err := v.tokens.check(token); err != nil {
		return err
	}
	if first(md, "avatarid") != v.cfg.AvatarID {
		return status.Error(codes.NotFound, "no such avatar")
	}
	s, n, err := v.enter()
	if err != nil {
		return err
	}
	defer v.leave(s)
	ctx, cancel := context.WithCancel(stream.Context())
	heard := make(chan string)
	defer cancel()
	v.hearing.Go(func() { hearUtterances(ctx, stream, heard) })
	t := &grpcTalk{v: v, stream: stream, GRPCStream: s, n: n, token: token}
	return t.run(ctx, heard)
}

// hearUtterances passes on what the client says until it says no more. It outlives the handler a little, as its RecvMsg ends only with the stream.
func hearUtterances(ctx context.Context, stream grpc.ServerStream, heard chan<- string) {
	defer close(heard)
	for {
		text, err := hearUtterance(stream)
		if err != nil {
			return
		}
		select {
		case heard <- text:
		case <-ctx.Done():
			return
		}
	}
}

func first(md metadata.MD, key string) string {
	if v := md.Get(key); len(v) > 0 {
		return v[0]
	}
	return ""
}

func (v *VoximplantGRPC) enter() (*GRPCStream, int, error) {
	v.mu.Lock()
	if v.open >= v.cfg.MaxStreams {
		v.mu.Unlock()
		return nil, 0, status.Error(codes.ResourceExhausted, "too many connections")
	}
	s := &GRPCStream{say: make(chan GRPCReply), stop: make(chan error), over: make(chan struct{})}
	v.open++
	v.streams = append(v.streams, s)
	n := len(v.streams) - 1
	v.mu.Unlock()
	v.step(GRPCOpened, Heard{})
	return s, n, nil
}

func (v *VoximplantGRPC) leave(s *GRPCStream) {
	v.mu.Lock()
	v.open--
	v.mu.Unlock()
	close(s.over)
	v.step(GRPCEnded, Heard{})
}

// grpcTalk runs one stream.
type grpcTalk struct {
	*GRPCStream
	v       *VoximplantGRPC
	stream  grpc.ServerStream
	n, said int
	token   string
	late    sync.WaitGroup
}

// run answers until the stream ends.
func (t *grpcTalk) run(ctx context.Context, heard <-chan string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer t.late.Wait()
	defer cancel()
	for {
		var over bool
		var err error
		select {
		case text, ok := <-heard:
			if !ok {
				return nil // the client has nothing more to say
			}
			over, err = t.hear(ctx, text)
		case r := <-t.say:
			over, err = t.reply(r)
		case err := <-t.stop:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
		if over || err != nil {
			return err
		}
	}
}

// hear takes one utterance and says what there is to say at once.
func (t *grpcTalk) hear(ctx context.Context, text string) (over bool, err error) {
	h := Heard{Text: text}
	f := t.v.next(GRPCUtterance, h)
	h.Fault = f.Name
	t.v.heard.add(h)
	t.v.step(GRPCUtterance, h)
	if err := t.v.meet(t.stream.Context(), f); err != nil {
		return true, err
	}
	if err := t.v.tokens.check(t.token); err != nil {
		return true, err
	}
	if err := t.v.rate.take(); err != nil {
		return true, err
	}
	said := GRPCSaid{Stream: t.n, N: t.said, Text: text}
	t.said++
	for _, r := range t.v.cfg.Answer(said) {
		if r.Gate != nil {
			t.late.Go(func() { t.sayLate(ctx, r) })
			continue
		}
		if over, err = t.reply(r); over || err != nil {
			return over, err
		}
	}
	return false, nil
}

func (t *grpcTalk) sayLate(ctx context.Context, r GRPCReply) {
	select {
	case <-r.Gate:
		_ = t.Say(ctx, r) // a stream that ended meanwhile hears nothing
	case <-ctx.Done():
	}
}

func (t *grpcTalk) reply(r GRPCReply) (over bool, err error) {
	err = sendReply(t.stream, r)
	if err == nil {
		t.v.step(GRPCReplied, Heard{Text: r.Text})
	}
	if err == io.EOF {
		err = nil
	}
	return r.Final, err
}

func callNumber(md metadata.MD) int64 {
	n, _ := strconv.ParseInt(first(md, callHeader), 10, 64) // set by serveRPC
	return n
}
