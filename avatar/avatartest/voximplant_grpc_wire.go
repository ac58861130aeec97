package avatartest

import (
	"context"
	"errors"
	"fmt"
	"unicode/utf8"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protowire"
)

// The messages of the two services are read and written field by field, so that the simulator knows the wire and nothing of the client's code.

// grpcCodec is the server's.
type grpcCodec struct{}

type grpcFields map[protowire.Number]grpcField

// grpcField is a number or a text, whichever the wire says.
type grpcField struct {
	n    uint64
	text string
}

var errNoMessage = errors.New("no message of this service")

// Marshal writes a grpcFields: texts, and numbers that are not 0.
func (grpcCodec) Marshal(v any) ([]byte, error) {
	fields, ok := v.(grpcFields)
	if !ok {
		return nil, fmt.Errorf("write a %T: %w", v, errNoMessage)
	}
	var b []byte
	for num, f := range fields {
		switch {
		case f.text != "":
			b = protowire.AppendTag(b, num, protowire.BytesType)
			b = protowire.AppendString(b, f.text)
		case f.n != 0:
			b = protowire.AppendTag(b, num, protowire.VarintType)
			b = protowire.AppendVarint(b, f.n)
		}
	}
	return b, nil
}

// Unmarshal reads a *grpcFields.
func (grpcCodec) Unmarshal(b []byte, v any) error {
	fields, ok := v.(*grpcFields)
	if !ok {
		return fmt.Errorf("read a %T: %w", v, errNoMessage)
	}
	*fields = grpcFields{}
	for len(b) > 0 {
		num, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return errNoMessage
		}
		b = b[n:]
		var f grpcField
		switch kind {
		case protowire.VarintType:
			f.n, n = protowire.ConsumeVarint(b)
		case protowire.BytesType:
			f.text, n = protowire.ConsumeString(b)
		default:
			return errNoMessage
		}
		if n < 0 || !utf8.ValidString(f.text) {
			return errNoMessage
		}
		b = b[n:]
		(*fields)[num] = f
	}
	return nil
}

// Name is that of protobuf's own.
func (grpcCodec) Name() string { return "proto" }

// serveAvatars registers /Login/Login and /Avatar/Conversation.
func (v *VoximplantGRPC) serveAvatars(s *grpc.Server) {
	s.RegisterService(&grpc.ServiceDesc{ServiceName: "Login", HandlerType: (*any)(nil), Methods: []grpc.MethodDesc{{
		MethodName: "Login",
		Handler: func(_ any, ctx context.Context, read func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
			var in grpcFields
			if err := read(&in); err != nil {
				return nil, err
			}
			token, err := v.login(ctx, int64(in[3].n), in[4].text, in[5].text)
			return grpcFields{1: {text: token}}, err
		},
	}}}, v)
	s.RegisterService(&grpc.ServiceDesc{ServiceName: "Avatar", HandlerType: (*any)(nil), Streams: []grpc.StreamDesc{{
		StreamName: "Conversation", ServerStreams: true, ClientStreams: true,
		Handler: func(_ any, stream grpc.ServerStream) error { return v.conversation(stream) },
	}}}, v)
}

// hearUtterance returns the next text on the stream.
func hearUtterance(stream grpc.ServerStream) (string, error) {
	var m grpcFields
	err := stream.RecvMsg(&m)
	return m[1].text, err
}

// sendReply sends what the avatar says.
func sendReply(stream grpc.ServerStream, r GRPCReply) error {
	m := grpcFields{1: {text: r.Text}, 3: {text: r.Data}}
	if r.Final {
		m[2] = grpcField{n: 1}
	}
	return stream.SendMsg(m)
}
