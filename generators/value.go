package generators

import "strings"

// OddValue says what is probably wrong with a key or a password that a variable
// holds, as a notice of a Result; "" for nothing. Both things come from env files,
// which keep what a shell takes off, and neither is ever part of what a cloud gives
// out.
func OddValue(variable, value string) string {
	text := strings.TrimSpace(value)
	last := len(text) - 1
	switch {
	case text != value:
		return variable + " begins or ends with white space; it is used as it is"
	case last > 0 && (text[0] == '"' || text[0] == '\'') && text[last] == text[0]:
		return variable + " stands in quotes, which env files keep; it is used as it is"
	}
	return ""
}
