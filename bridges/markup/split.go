package markup

import "slices"

// Fit parses markdown, disarms it and splits it for f. It returns nil when there is nothing to show.
func Fit(markdown string, f Format) []Doc { return Split(Parse(markdown), f) }

// Split disarms d and cuts it into pieces of f's limit, none of them blank: between blocks where it can, else between lines, sentences
// and words, and only inside of words that are longer than a piece. What is cut goes on with its style, link, language and place in
// lists. The pieces hold all of d but blank space. It takes d over: the caller must not use it afterwards.
func Split(d Doc, f Format) []Doc {
	s := splitter{format: f, limit: f.Limit()}
	for _, b := range d.mapText(f.Disarm) {
		s.add(b)
	}
	s.flush()
	return s.pieces
}

type splitter struct {
	format Format
	limit  Size
	pieces []Doc
	piece  Doc
	used   Size
}

// add puts b into the piece that is being filled, and into as many new ones as it needs.
func (s *splitter) add(b Block) {
	if s.fits(b, s.room(b)) {
		s.push(b)
	} else {
		s.divide(b)
	}
}

// divide is add for what may need a piece of its own, or several. It is apart from add, whose stack it would treble.
func (s *splitter) divide(b Block) {
	owned := false
	for {
		room := s.room(b)
		if s.fits(b, room) {
			s.push(b)
			return
		}
		if len(s.piece) > 0 && (s.fits(b, s.limit) || room.Units < s.limit.Units/2) {
			s.next()
			continue
		}
		if !owned {
			b.Spans, owned = slices.Clone(b.Spans), true
		}
		head, tail, ok := s.cut(b, room)
		switch {
		case ok:
			s.push(head)
			s.flush()
			if b = tail; b.blank() {
				return
			}
		case len(s.piece) > 0:
			s.next()
		default:
			b = simpler(b)
		}
	}
}

// simpler takes from b what kept even its first character from fitting into a piece of its own.
func simpler(b Block) Block {
	if b.Quote+b.Indent > 0 || b.Marker != "" {
		b.Quote, b.Indent, b.Nest, b.Marker = 0, 0, "", ""
		return b
	}
	b.Spans[0].Link = ""
	return b
}

// room is what the piece has left for b.
func (s *splitter) room(b Block) Size {
	room := Size{Units: s.limit.Units - s.used.Units}
	if s.limit.Links > 0 {
		// As a limit, no links would mean any number of them: where none is left, nothing fits.
		if room.Links = s.limit.Links - s.used.Links; room.Links < 1 {
			room.Units = 0
		}
	}
	if len(s.piece) > 0 {
		room.Units -= len(gap(b))
	}
	return room
}

func (s *splitter) fits(b Block, room Size) bool {
	return !longer(b, room.Units) && s.format.Size(b).fits(room)
}

// longer reports quickly whether b's text alone has more than units.
func longer(b Block, units int) bool {
	for _, span := range b.Spans {
		if len(span.Text) <= units { // no text has more units than bytes
			units -= Units(span.Text)
			continue
		}
		for _, r := range span.Text {
			if units -= unitsOf(r); units < 0 {
				return true
			}
		}
	}
	return units < 0
}

func (s *splitter) push(b Block) {
	s.used = s.used.plus(s.format.Size(b))
	if len(s.piece) > 0 {
		s.used.Units += len(gap(b))
	}
	s.piece = append(s.piece, b)
}

// flush ends the piece.
func (s *splitter) flush() {
	if !s.piece.blank() {
		s.pieces = append(s.pieces, s.piece)
	}
	s.piece, s.used = nil, Size{}
}

// next ends the piece, but takes along headings that would stand at its end.
func (s *splitter) next() {
	n := len(s.piece)
	for n > 0 && s.piece[n-1].Kind == Heading && !s.piece[n-1].Cut {
		n--
	}
	if n == 0 {
		n = len(s.piece)
	}
	along := slices.Clone(s.piece[n:])
	s.piece = s.piece[:n:n]
	s.flush()
	for _, b := range along {
		s.push(b)
	}
}
