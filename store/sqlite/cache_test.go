package sqlite

import "testing"

func TestACacheIsBoundedAndKeepsWhatIsUsed(t *testing.T) {
	c := newCache[int, int](10)
	for i := range 1000 {
		c.put(i, i)
		if v, ok := c.get(0); !ok || v != 0 {
			t.Fatalf("what is used all the time was gone after %d", i)
		}
		if n := len(c.young) + len(c.old); n > 20 {
			t.Fatalf("%d entries", n)
		}
	}
	if _, ok := c.get(500); ok {
		t.Error("what was not used for long is still there")
	}
}

func TestWhatIsRemovedFromACacheIsGone(t *testing.T) {
	for later := range 25 {
		c := newCache[int, int](10)
		c.put(-1, 1)
		for i := range later {
			c.put(i, i)
		}
		c.remove(-1)
		if _, ok := c.get(-1); ok {
			t.Errorf("it is there again after %d others", later)
		}
	}
}
