package wording

import "regexp"

var commandLine = []struct {
	was *regexp.Regexp
	is  string
}{
	{regexp.MustCompile(`^unexpected argument (\S+), (did you mean .*)$`), `"$1" is not expected here: $2`},
	{regexp.MustCompile(`^unexpected argument (\S+)$`), `"$1" is not expected here`},
	{regexp.MustCompile(`^unknown flag ([^ ,]+).*$`), `there is no flag $1`},
	{regexp.MustCompile(`^expected one of (.*)$`), `a word is missing: one of $1`},
	{regexp.MustCompile(`^expected "<file>.*$`), `the name of the file is missing`},
	{regexp.MustCompile(`^expected "<who>.*$`), `say who: a uid from people list, or platform:user`},
	{regexp.MustCompile(`^(-\S+): expected \w+ value but got "EOL".*$`), `$1 needs a value after it`},
	{regexp.MustCompile(`^\S*<id>.*: expected .* but got (.*)$`), `$1 is no id: ids are the numbers in dead list`},
	{regexp.MustCompile(`^(-\S+): expected .*int.* but got (.*)$`), `$1 takes a number, not $2`},
}

// Usage puts what the parser of the command line says into words.
func Usage(text string) string {
	for _, c := range commandLine {
		if c.was.MatchString(text) {
			return c.was.ReplaceAllString(text, c.is)
		}
	}
	return text
}
