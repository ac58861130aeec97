package wire

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"io"
	"net"
	"sync"
)

// A Socket is what a connection is after it was switched to WebSocket (RFC 6455), without extensions.
type Socket struct {
	conn net.Conn
	in   *bufio.Reader
	text []byte // of the message that is being read

	mu  sync.Mutex // of writing
	out []byte     // of a control frame
}

// Opcodes of frames.
const (
	opText  = 1
	opClose = 8
	opPing  = 9
	opPong  = 10
)

const (
	final  = 0x80 // of the first byte of a frame
	masked = 0x80 // of the second
)

// handshakeID is what the key is signed with (RFC 6455, section 1.3).
const handshakeID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

// Upgrade switches the connection to WebSocket for a request that asks for it. The handler reads the socket until there is an error, and
// returns that.
func (c *Conn) Upgrade(r Request) (*Socket, error) {
	if len(r.Key) == 0 {
		return nil, errMalformed
	}
	sum := sha1.Sum(append(append([]byte(nil), r.Key...), handshakeID...))
	_, err := c.conn.Write([]byte("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
		base64.StdEncoding.EncodeToString(sum[:]) + "\r\n\r\n"))
	return &Socket{conn: c.conn, in: c.in}, err
}

// Read returns the next message, which is valid until the next call. Pings are answered meanwhile. The end of the connection is an error.
func (s *Socket) Read() ([]byte, error) {
	s.text = s.text[:0]
	for {
		op, last, err := s.frame()
		if err != nil {
			return nil, err
		}
		switch {
		case op == opClose:
			return nil, net.ErrClosed
		case op <= opText && last:
			return s.text, nil
		}
	}
}

// frame reads one frame. What is in it is appended to the text, unless it is a control frame.
func (s *Socket) frame() (op byte, last bool, err error) {
	var head [14]byte
	if _, err = io.ReadFull(s.in, head[:2]); err != nil {
		return 0, false, err
	}
	op, last = head[0]&0x0f, head[0]&final != 0
	if head[1]&masked == 0 { // a client has to
		return 0, false, errMalformed
	}
	length := uint64(head[1] &^ masked)
	switch wide := head[2:]; length {
	case 126:
		_, err = io.ReadFull(s.in, wide[:2])
		length = uint64(binary.BigEndian.Uint16(wide))
	case 127:
		_, err = io.ReadFull(s.in, wide[:8])
		length = binary.BigEndian.Uint64(wide)
	}
	if err != nil {
		return 0, false, err
	}
	mask := head[10:14]
	if _, err = io.ReadFull(s.in, mask); err != nil {
		return 0, false, err
	}
	if length > maxBody || uint64(len(s.text))+length > maxBody {
		return 0, false, errMalformed
	}
	begin := len(s.text)
	s.text = append(s.text, make([]byte, length)...)
	payload := s.text[begin:]
	if _, err = io.ReadFull(s.in, payload); err != nil {
		return 0, false, err
	}
	for i := range payload {
		payload[i] ^= mask[i&3]
	}
	if op < opClose {
		return op, last, nil
	}
	if op == opPing {
		err = s.pong(payload)
	}
	s.text = s.text[:begin]
	return op, last, err
}

func (s *Socket) pong(payload []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out = append(append(s.out[:0], final|opPong, byte(len(payload))), payload...) // a control frame has up to 125 bytes
	_, err := s.conn.Write(s.out)
	return err
}

// AppendFrame appends a message to what is to be written.
func AppendFrame(b, text []byte) []byte {
	b = append(b, final|opText)
	switch n := len(text); {
	case n < 126:
		b = append(b, byte(n))
	case n <= 0xffff:
		b = binary.BigEndian.AppendUint16(append(b, 126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 127), uint64(n))
	}
	return append(b, text...)
}

// Write writes what AppendFrame made.
func (s *Socket) Write(frames []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.conn.Write(frames)
	return err
}

// Close ends the connection without a word.
func (s *Socket) Close() { s.conn.Close() }
