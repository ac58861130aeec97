package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
)

// variable matches "$${" (a plain "${"), "${NAME}", and a "${" that is neither.
var variable = regexp.MustCompile(`\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)\}|\$\{`)

// expand puts the environment's values in place of ${NAME}, notes a fault for each name that is not set, and remembers names that are set
// to nothing, so that a "missing" can say why.
func (d *decoder) expand(at path, s string) string {
	return variable.ReplaceAllStringFunc(s, func(m string) string {
		switch name := strings.TrimSuffix(strings.TrimPrefix(m, "${"), "}"); {
		case m == "$${":
			return "${"
		case m == "${":
			d.fault(at, `holds "${" without a name: write ${NAME} for a variable, or $${ for a plain "${"`)
			return ""
		default:
			v, set := d.env(name)
			if !set {
				d.fault(at, fmt.Sprintf("needs the environment variable %s, which is not set: export %s=… before the start", name, name))
			} else if v == "" {
				d.empty[at.id()] = name
			}
			d.hide(v, m)
			return v
		}
	})
}

// maxSecret bounds what is read of a file that is named as a secret.
const maxSecret = 64 << 10

// secretFile reads the secret that a key "…_file" names.
func (d *decoder) secretFile(at path, name string) string {
	if name == "" {
		d.fault(at, "names no file")
		return ""
	}
	secret, err := readSecret(d.resolve(name))
	if err != nil {
		if e, ok := errors.AsType[*fs.PathError](err); ok {
			err = fmt.Errorf("%s: %w", d.lookedFor(name), e.Err)
		}
		d.fault(at, "must name a file with the secret in it, and what it names is of no use: "+err.Error())
	}
	return secret
}

// pathForm is what only a path looks like: no service's secret begins so, and random text hardly ever does.
var pathForm = regexp.MustCompile(`^(?:(?:/[\w.@-]+){2,}|(?:~|\.\.?)(?:/[\w.@-]+)+)$`)

// lookedFor says where a file was looked for. Somebody may have put the secret itself in the place of the file's name: what does not look like a
// path is not shown.
func (d *decoder) lookedFor(name string) string {
	file, around := absolute(d.resolve(name)), absolute(d.dir)
	folder := filepath.Dir(file)
	_, err := os.Stat(folder)
	switch {
	case pathForm.MatchString(name), err == nil && folder != around && filepath.Dir(folder) != folder:
		return file
	case folder == around:
		return "in " + folder
	}
	return "below " + around
}

// absolute is a path as one can look it up from anywhere; as it is where even the working folder is not known.
func absolute(file string) string {
	if full, err := filepath.Abs(file); err == nil {
		return full
	}
	return file
}

// resolve returns a file's path, which may be relative to the configuration file.
func (d *decoder) resolve(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(d.dir, name)
}

func readSecret(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err != nil {
		return "", err
	}
	if len(content) > maxSecret {
		return "", fmt.Errorf("%s is too large for a secret", name)
	}
	secret := strings.TrimSpace(string(content))
	if secret == "" {
		return "", errors.New(name + " is empty")
	}
	return secret, nil
}

// isSecret tells from a field's tag or its key's name whether it holds a secret: it may then come from a file, and is never shown.
func isSecret(key string, tag reflect.StructTag) bool {
	switch key[strings.LastIndexByte(key, '_')+1:] {
	case "key", "token", "secret", "password":
		return true
	}
	return tag.Get("secret") == "true"
}
