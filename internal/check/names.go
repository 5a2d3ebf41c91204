package check

import (
	"path"
	"slices"
	"strings"

	"github.com/dockercfg/jet/internal/encryptedfile"
)

// encryptedSuffix ends the names of encrypted files, by custom.
const encryptedSuffix = ".encrypted"

// base gives the last part of a path in lower case, without ".encrypted".
func base(name string) string {
	return strings.TrimSuffix(strings.ToLower(path.Base(name)), encryptedSuffix)
}

func nameWords(base string) []string {
	return strings.FieldsFunc(base, func(r rune) bool { return r == '.' || r == '-' || r == '_' || r == ' ' || r == '~' })
}

// isKeyName reports whether a file is named as project keys are: codeship.aes,
// staging.aes, and copies such as codeship.aes.old and codeship.aes~.
func isKeyName(name string) bool {
	name = strings.ToLower(path.Base(name))
	at := strings.LastIndex(name, ".aes")
	if at < 0 {
		return false
	}
	rest := name[at+len(".aes"):]
	return rest == "" || class(rest[0]) != 'l' && class(rest[0]) != 'd'
}

// isDockercfgName reports whether a name says dockercfg and nothing else can be meant.
func isDockercfgName(name string) bool {
	name = base(name)
	return !isSource(name) && (strings.Contains(name, "dockercfg") || strings.Contains(name, "dockerconfig"))
}

// mayBeDockercfg reports whether a file may hold a dockercfg in one of its forms,
// so that its content is to be looked at.
func mayBeDockercfg(name string) bool {
	name = base(name)
	return isDockercfgName(name) || hasAnySuffix(name, ".json", ".yaml", ".yml")
}

// isEnvName reports whether a name is that of an env file: a part of it between dots
// is env, environment, … or says what is in it, and it is no program or text about
// that. Where there is one part only, a word in it will do: prod-env.
func isEnvName(name string) bool {
	name = base(name)
	if isSource(name) {
		return false
	}
	parts := strings.Split(strings.TrimPrefix(name, "."), ".")
	if len(parts) == 1 || len(parts) == 2 && isPlainExtension(parts[1]) {
		parts = append(parts, nameWords(parts[0])...)
	}
	return slices.ContainsFunc(parts, func(part string) bool {
		switch strings.TrimRight(part, "~") {
		case "env", "envs", "environment", "envrc", "dotenv", "envvars", "credentials", "credential", "creds", "secrets", "secret", "passwords":
			return true
		}
		return false
	})
}

// isPlainExtension reports whether files with this ending may be of any kind.
func isPlainExtension(extension string) bool {
	switch extension {
	case "txt", "conf", "cfg", "ini", "list", "vars", "bak", "old", "orig":
		return true
	}
	return false
}

// saysEnvFile reports whether a name says that a file is one of variables, and not
// only that it may be one.
func saysEnvFile(name string) bool {
	return isEnvName(name) && slices.ContainsFunc(nameWords(base(name)), func(word string) bool {
		return word == "env" || word == "environment" || word == "dotenv"
	})
}

// isSource reports whether a name ends as those of programs, texts and data do that
// have a form of their own.
func isSource(name string) bool {
	switch strings.TrimPrefix(path.Ext(name), ".") {
	case "go", "py", "rb", "js", "mjs", "cjs", "ts", "mts", "tsx", "jsx", "java", "kt", "kts", "cs", "c", "h", "cc", "cpp", "hpp", "rs", "php", "swift", "scala", "groovy", "gradle",
		"pl", "pm", "lua", "ex", "exs", "erl", "hs", "clj", "dart", "r", "m", "vue", "svelte", "sql", "graphql", "proto", "tf", "tfvars", "hcl", "nix",
		"md", "markdown", "rst", "adoc", "html", "htm", "css", "scss", "svg", "png", "jpg", "gif", "pdf", "po", "properties",
		"yml", "yaml", "xml", "toml", "lock", "csv", "tsv", "ipynb", "snap", "tar", "gz", "tgz", "zip", "enc", "gpg", "asc", "age", "pem", "pub", "crt", "fish", "bat", "ps1", "erb", "j2", "patch", "diff":
		return true
	case "json":
		return !strings.Contains(name, "docker")
	}
	return false
}

// isTemplate reports whether a name says that the file is to be copied and filled in.
func isTemplate(name string) bool {
	return slices.ContainsFunc(nameWords(base(name)), func(word string) bool {
		switch word {
		case "example", "examples", "sample", "template", "tmpl", "tpl", "dist", "defaults", "default", "skeleton", "schema", "stub", "placeholder":
			return true
		}
		return false
	})
}

// A twin is what a file that lies beside an encrypted one may be: its plain text.
type twin struct {
	of      string // the path of the encrypted file
	certain bool   // the name leaves no doubt; else the content has to hold secrets
}

// twinsOf gives the paths beside an encrypted file at which its plain text would be
// expected: exactly its name without ".encrypted", a copy of that, and by custom
// the same with a dot in front or the ending that such files have.
func twinsOf(encrypted string) map[string]bool {
	folder, name := path.Split(encrypted)
	if !encryptedfile.Named(name) || len(name) == len(encryptedSuffix) {
		return nil
	}
	plain := name[:len(name)-len(encryptedSuffix)]
	certain := !isTemplate(plain)
	twins := map[string]bool{folder + plain: certain}
	for _, suffix := range [...]string{".decrypted", ".plain", ".plaintext", ".dec", ".unencrypted", "~", ".bak", ".orig"} {
		twins[folder+plain+suffix] = certain
	}
	for _, other := range [...]string{"." + plain, strings.TrimPrefix(plain, "."), plain + ".env", strings.TrimSuffix(plain, ".env"), plain + ".json", strings.TrimSuffix(plain, ".json")} {
		if _, known := twins[folder+other]; !known && other != "" && other != "." {
			twins[folder+other] = false
		}
	}
	return twins
}
