package relay_test

import (
	"fmt"
	"strings"

	"avatarbridge/store"
)

// ranked notes in which order replies were stored, by their pieces.
func (s *sim) ranked(replies ...store.Reply) {
	for i := range replies {
		s.ranks++
		for _, body := range replies[i].Pieces {
			if piece := pieceOf.FindString(string(body)); piece != "" && s.rank[piece] == 0 {
				s.rank[piece] = s.ranks
			}
		}
	}
}

// comesLate says whether what a service says to a text comes after it was asked.
func (s *sim) comesLate(a *service, text string) bool {
	return (a.calls || a.keeps) && hashed(s.plan.seed, "late"+text, 4) > 0
}

// A spot is where in its conversation a piece belongs.
type spot struct{ reply, piece int }

func (a spot) before(b spot) bool {
	return a.reply < b.reply || a.reply == b.reply && a.piece < b.piece
}

// inOrder checks that in each conversation posts appear in the order in which their replies were stored, reply by reply and piece by piece, whatever
// the service; and that replies which were said while the avatar was asked appear in the order in which the messages were accepted and the avatar said
// them. Exempt from the second is what a service says later, by a callback or over its connection: that belongs to no turn, and comes when it comes.
func (r *reckoning) inOrder(p *platform) {
	stored, asked := map[string]spot{}, map[string][2]spot{}
	seen := map[string]bool{}
	for _, x := range p.posts {
		rest, isReply := strings.CutPrefix(x.text, "re ")
		if !isReply || seen[x.text] {
			continue
		}
		seen[x.text] = true
		parts := strings.Split(rest, "/")
		if x.excused || r.revived[x.text] || r.revived[parts[0]] {
			continue // its place is another one
		}
		var reply, piece int
		if _, err := fmt.Sscanf(parts[1]+" "+parts[2], "%d %d", &reply, &piece); err != nil {
			r.fail("an unexpected post %q", x.text)
		}
		label, at := labelOf(parts[0]), spot{r.rank[x.text], piece}
		if at.reply == 0 {
			r.fail("%q was posted and never stored", x.text)
		}
		if at.before(stored[label]) {
			r.fail("%q came out of the order in which it was stored", x.text)
		}
		stored[label] = at
		if r.comesLate(r.avatarAt(p, r.script.where[plainText(parts[0])]), parts[0]) {
			continue
		}
		turn, last := spot{r.accepts["m/"+plainText(parts[0])], reply}, asked[label]
		if turn.before(last[0]) || turn == last[0] && piece < last[1].piece {
			r.fail("%q came out of order", x.text)
		}
		asked[label] = [2]spot{turn, at}
	}
}

// doubles checks that no piece is there as two posts: what is the same post twice is checked when it is made.
func (r *reckoning) doubles(p *platform) {
	posts := map[string]string{}
	for _, x := range p.posts {
		if !strings.HasPrefix(x.text, "re ") {
			continue
		}
		text, _, _ := strings.Cut(x.text[3:], "/")
		if first := posts[x.text]; first != "" && first != x.post && !r.revived[x.text] && !r.revived[text] {
			r.fail("%q was posted as %s and as %s", x.text, first, x.post)
		}
		posts[x.text] = x.post
	}
}

// again checks that a post which is made once more may be: the platform cannot tell, and the program was not told, or did not live to store, how that
// very post's call ended. The sim is locked.
func (p *platform) again(x *posted) {
	s := p.s
	piece := x.text
	text, _, _ := strings.Cut(strings.TrimPrefix(piece, "re "), "/")
	switch {
	case s.revived[piece] || s.revived[text]:
	case p.finds || p.holds || !s.inDoubt[x.post]:
		s.wrong = append(s.wrong, fmt.Sprintf("%q was posted again as %s, though that was not in doubt", piece, x.post))
	}
}
