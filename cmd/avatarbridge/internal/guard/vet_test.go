package guard

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"avatarbridge/bridges/fault"
)

func TestVetLetsPublicHTTPSAddressesPass(t *testing.T) {
	for _, u := range []string{
		"https://example.com/a.ogg?sig=1",
		"https://EXAMPLE.com.:8443/",
		"https://xn--bcher-kva.example.com/",
		"https://a_b.s3.eu-central-1.amazonaws.com/x",
		"https://8.8.8.8/",
		"https://[2606:4700:4700::1111]/",
		"https://localhost.example.com/",
		"https://1.2.3.4.example.com/",
	} {
		if err := Vet(u, false); err != nil {
			t.Errorf("Vet(%q) = %v", u, err)
		}
	}
}

// refused holds addresses that lead inwards, or may be read by some resolver or browser as if they did.
var refused = []string{
	"https://127.0.0.1/", "https://127.1/", "https://127.0.1/", "https://2130706433/", "https://0x7f000001/", "https://0x7f.0.0.1/",
	"https://0177.0.0.1/", "https://017700000001/", "https://127.0.0.1./", "https://127.0.0.0x1/", "https://0/", "https://0x/",
	"https://0.0.0.0/", "https://10.1.2.3/", "https://172.16.0.1/", "https://192.168.1.1/", "https://169.254.169.254/latest/meta-data/",
	"https://100.64.0.1/", "https://224.0.0.1/", "https://255.255.255.255/", "https://198.18.0.1/", "https://192.0.2.1/",
	"https://[::1]/", "https://[::]/", "https://[fe80::1]/", "https://[fe80::1%25eth0]/", "https://[fc00::1]/", "https://[fd12::1]/",
	"https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/", "https://[::ffff:169.254.169.254]/", "https://[::127.0.0.1]/",
	"https://[64:ff9b::7f00:1]/", "https://[2002:7f00:1::]/", "https://[ff02::1]/", "https://[2001:db8::1]/",
	"https://localhost/", "https://LOCALHOST/", "https://localhost./", "https://a.localhost/", "https://a.LocalHost./",
	"https://printer.local/", "https://metadata.google.internal/", "https://intranet/", "https://router.home.arpa/",
	"https://127。0。0。1/", "https://１２７.0.0.1/", "https://ⓛocalhost/", "https://a..b.com/", "https://exam ple.com/", "https://-/",
	"https://a\\b.example.com/",
}

func TestVetRefusesAddressesThatLeadInwards(t *testing.T) {
	for _, u := range refused {
		err := Vet(u, false)
		if err == nil {
			t.Errorf("Vet(%q) let it pass", u)
			continue
		}
		if fault.Of(err).Kind != fault.Dead {
			t.Errorf("Vet(%q) is %v, no repeat can help", u, fault.Of(err).Kind)
		}
	}
}

func TestVetRefusesWhatIsNoWebAddress(t *testing.T) {
	for _, u := range []string{
		"", "/a.ogg", "//example.com/a", "example.com", "ftp://example.com/", "file:///etc/passwd", "data:audio/ogg;base64,T2dn", "gopher://example.com/",
		"https://", "https:///a", "https://:443/", "https:example.com", "https://user@example.com/", "https://user:pass@example.com/",
		"https://example.com:port/", "https://example.com/%zz", "https://example.com/\x00", "https://" + strings.Repeat("a", 5000) + ".com/",
	} {
		for _, allowPrivate := range []bool{false, true} {
			if Vet(u, allowPrivate) == nil {
				t.Errorf("Vet(%q, %t) let it pass", u, allowPrivate)
			}
		}
	}
}

func TestVetNamesTheSettingThatWouldAllowIt(t *testing.T) {
	for _, u := range []string{"http://example.com/", "https://127.0.0.1/", "https://runner/", "https://2130706433/"} {
		if err := Vet(u, false); err == nil || !strings.Contains(err.Error(), "allow_private = true") {
			t.Errorf("Vet(%q) = %v", u, err)
		}
		if err := Vet(u, true); err != nil {
			t.Errorf("Vet(%q) with allow_private = %v", u, err)
		}
	}
}

func TestVetShowsNothingOfAURLButItsHost(t *testing.T) {
	for _, u := range []string{
		"https://127.0.0.1/S3CRET?k=S3CRET", "http://example.com/S3CRET", "https://user:S3CRET@example.com/", "ftp://S3CRET/", "https://x/%zzS3CRET",
		"https://example.com:S3CRET/",
	} {
		if err := Vet(u, false); err == nil || strings.Contains(err.Error(), "S3CRET") {
			t.Errorf("Vet(%q) = %v", u, err)
		}
	}
}

// aton reads an IPv4 address as inet_aton does: one to four numbers, each decimal, octal or hexadecimal, the last filling what is left.
func aton(host string) (netip.Addr, bool) {
	parts := strings.Split(strings.TrimSuffix(host, "."), ".")
	var n uint64
	for i, part := range parts {
		if strings.ContainsAny(part, "bBoO_") && !strings.HasPrefix(strings.ToLower(part), "0x") {
			return netip.Addr{}, false // numbers in Go, not there
		}
		v, err := strconv.ParseUint(part, 0, 64)
		last := i == len(parts)-1
		if err != nil || len(parts) > 4 || !last && v > 255 || last && v >= 1<<(8*(4-i)) {
			return netip.Addr{}, false
		}
		if last {
			n = n<<(8*(4-i)) | v
		} else {
			n = n<<8 | v
		}
	}
	return netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}), true
}

func FuzzWhatPassesIsNoPrivateAddressInAnyNotation(f *testing.F) {
	for _, u := range refused {
		f.Add(u)
	}
	f.Add("https://8.8.8.8")
	f.Add("https://0x08.010.8.8")
	f.Fuzz(func(t *testing.T, raw string) {
		if Vet(raw, false) != nil {
			return
		}
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatalf("%q passed and is no URL", raw)
		}
		if ip, ok := aton(u.Hostname()); ok && (!ip.IsGlobalUnicast() || ip.IsPrivate()) {
			t.Errorf("%q passed and is %v to some resolvers", raw, ip)
		}
	})
}
