package accounts

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/dockercfg/jet/generators/ecr"
	"github.com/dockercfg/jet/internal/yamledit"
)

// skuidMode is that of the password files of ecr-token-refresh.
const skuidMode fs.FileMode = 0o644

// skuid reads the form of skuid/ecr-token-refresh (its README): registries of AWS
// by account id and region, each with the file that its password goes to. Mode,
// owner and group are ours.
func (p *parser) skuid(f *File, top fields, registries []yamledit.Node) {
	if top.has("outputs") {
		p.fail(top.lineOf("outputs"), "outputs does not go with registryId: there each registry has its passwordFile")
	}
	open := false
	names, files := make(map[string]int), make(map[string]int)
	for _, n := range registries {
		line := beginning(n)
		fs := p.fields(n, line, "a registry with a registryId", []string{"registryId", "region", "passwordFile", "mode", "owner", "group"})
		for _, needed := range []string{"registryId", "region", "passwordFile"} {
			if !fs.has(needed) {
				p.fail(line, "there is no %s; each registry has registryId, region and passwordFile", needed)
			}
		}
		id, region := fs.word("registryId"), fs.text("region")
		a := Account{Name: id + "-" + region, Line: line, Backend: "ecr", Variables: map[string]string{"AWS_REGION": region}}
		o := Output{PasswordFile: fs.text("passwordFile"), Line: line, Registries: []string{a.Name}}
		o.ownership(fs, skuidMode)
		open = open || !fs.has("mode")
		if id == "" || region == "" {
			continue
		}
		host, err := ecr.Host(id, region)
		if err != nil {
			p.fail(line, "registryId and region: %s", strings.TrimPrefix(err.Error(), "ecr: "))
			continue
		}
		a.Address = host
		if first := files[filepath.Clean(o.PasswordFile)]; first != 0 {
			p.fail(fs.lineOf("passwordFile"), "the password of the registry of line %d goes to the same file", first)
		}
		files[filepath.Clean(o.PasswordFile)] = line
		if names[a.Name] == 0 { // it may go to several files
			names[a.Name] = line
			f.Accounts = append(f.Accounts, a)
		}
		f.Outputs = append(f.Outputs, o)
	}
	if open {
		f.Notices = append(f.Notices, fmt.Sprintf(`everybody on this machine can read the password files (mode %04o), as ecr-token-refresh writes them; mode: "%04o" beside passwordFile keeps them to their owner`, skuidMode, privateMode))
	}
}
