package check

// Severity is how bad a finding is. Both make a check fail.
type Severity string

const (
	Error   Severity = "error"   // a secret is in the open, or a file is useless
	Warning Severity = "warning" // nothing is lost yet
)

// A Rule is one thing that is looked for.
type Rule struct {
	Name     string // stable, for .jetcheck and scripts
	Severity Severity
	Summary  string // one sentence
	NeedsKey bool   // without a key the rule is skipped
}

// The rules, by name.
const (
	KeyInGit       = "key-in-git"
	PlaintextTwin  = "plaintext-twin"
	PlainSecrets   = "plain-secrets"
	NotEncrypted   = "not-encrypted"
	Damaged        = "damaged"
	UnsignedFormat = "unsigned-format"
	WrongKey       = "wrong-key"
	DoesNotParse   = "does-not-parse"
	StaleAllowance = "stale-allowance"
)

var rules = [...]Rule{
	{Name: KeyInGit, Severity: Error, Summary: "A project key is in git, or would be with the next \"git add\"."},
	{Name: PlaintextTwin, Severity: Error, Summary: "The plain text of an encrypted file is in git beside it, or would be with the next \"git add\"."},
	{Name: PlainSecrets, Severity: Error, Summary: "A dockercfg or env file holds secrets in plain text."},
	{Name: NotEncrypted, Severity: Error, Summary: "A file that is named as encrypted is not, or not all of it."},
	{Name: Damaged, Severity: Error, Summary: "An encrypted file is damaged or cut short; all of the damage shows with a key only."},
	{Name: UnsignedFormat, Severity: Warning, Summary: "An encrypted file is in the unsigned format, in which neither damage nor a wrong key is noticed."},
	{Name: WrongKey, Severity: Error, Summary: "An encrypted file does not open with the project key.", NeedsKey: true},
	{Name: DoesNotParse, Severity: Error, Summary: "A file decrypts, and is then no dockercfg or env file although its name says so.", NeedsKey: true},
	{Name: StaleAllowance, Severity: Warning, Summary: "A line of .jetcheck allows something that is not there any more."},
}

// Rules gives all rules in the order of their weight.
func Rules() []Rule { return append([]Rule(nil), rules[:]...) }

// RuleNamed gives the rule of that name.
func RuleNamed(name string) (Rule, bool) {
	for _, r := range rules {
		if r.Name == name {
			return r, true
		}
	}
	return Rule{}, false
}
