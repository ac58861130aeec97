package web

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"slices"

	"avatarbridge/bridges/fault"
)

// maxFace bounds the picture, which every visitor loads.
const maxFace = 2 << 20

// A face is the avatar's picture.
type face struct {
	data      []byte
	mediaType string
	hash      string
}

// readFace reads the picture; nil when none is configured.
func readFace(name string) (*face, error) {
	if name == "" {
		return nil, nil
	}
	f, err := os.Open(name)
	if err != nil {
		if e, ok := errors.AsType[*fs.PathError](err); ok {
			err = e.Err
		}
		return nil, fmt.Errorf("face = %q cannot be read: %w", name, err)
	}
	defer f.Close() // was only read
	data, err := io.ReadAll(io.LimitReader(f, maxFace+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("face = %q cannot be read: %w", name, err)
	case len(data) > maxFace:
		return nil, fmt.Errorf("face = %q is larger than 2 MiB, and every visitor loads it: make it smaller", name)
	}
	mediaType := http.DetectContentType(data)
	if !slices.Contains([]string{"image/png", "image/jpeg", "image/webp"}, mediaType) {
		return nil, fmt.Errorf("face = %q is no PNG, JPEG or WebP picture, whatever its name says", name)
	}
	sum := sha256.Sum256(data)
	return &face{data: data, mediaType: mediaType, hash: hex.EncodeToString(sum[:8])}, nil
}

// Check says how the bridge's own setup is. It reads the picture and asks nobody.
func (b *Bridge) Check(context.Context) []fault.Finding {
	where := b.base
	if b.cfg.PublicURL != "" {
		where = b.cfg.PublicURL + b.base
	}
	found := []fault.Finding{{OK: true, What: "the chat page is at " + where}}
	if f, err := readFace(b.cfg.Face); err != nil {
		found = append(found, fault.Finding{What: err.Error(), Fix: "name another picture with face, or take the key out; until then the page draws a letter"})
	} else if f != nil {
		found = append(found, fault.Finding{OK: true, What: fmt.Sprintf("the face is a picture of %d KiB", (len(f.data)+1023)/1024)})
	}
	return found
}
