package gcr

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dockercfg/jet/dockercfg"
)

// The hosts of the former Container Registry, which Artifact Registry serves now
// (cloud.google.com/artifact-registry/docs/transition/gcr-repositories). The
// original generator writes these four.
var gcrHosts = [...]string{"gcr.io", "us.gcr.io", "eu.gcr.io", "asia.gcr.io"}

// The locations of Artifact Registry that are no regions
// (cloud.google.com/artifact-registry/docs/repositories/repo-locations).
var multiRegions = [...]string{"us", "europe", "asia"}

// isGoogleRegistry reports whether a registry in normal form is of Google's public
// cloud: gcr.io or below it, or below pkg.dev.
func isGoogleRegistry(key string) bool {
	host := strings.TrimSuffix(key, ":443")
	return host == "gcr.io" || strings.HasSuffix(host, ".gcr.io") || strings.HasSuffix(host, ".pkg.dev")
}

// splitList cuts a list at commas and blanks.
func splitList(list string) []string {
	return strings.FieldsFunc(list, func(c rune) bool { return c == ',' || c == ' ' || c == '\t' })
}

// locationHost gives the registry of a location: us, europe, asia, or a region.
func locationHost(name string) (string, error) {
	if len(name) <= 40 && (isLetters(name) || isRegion(name)) {
		return name + "-docker.pkg.dev", nil
	}
	if last := strings.LastIndexByte(name, '-'); last > 0 && last == len(name)-2 && isRegion(name[:last]) {
		return "", errors.New("is a zone: without its last letter it is a region")
	}
	return "", errors.New("is no location of Artifact Registry: those are us, europe, asia and regions such as europe-west1")
}

// isRegion reports whether a name has the form of a region's: europe-west1.
func isRegion(name string) bool {
	area, place, found := strings.Cut(name, "-")
	letters := strings.TrimRight(place, "0123456789")
	return found && isLetters(area) && isLetters(letters) && letters != place
}

func isLetters(text string) bool {
	return text != "" && strings.Trim(text, "abcdefghijklmnopqrstuvwxyz") == ""
}

// registries gives the registries that get an entry, in normal form, each once: those
// that the variables name; or, of those that the caller asks for, which are for other
// backends too, Google's and what the variables name as one's own.
func (c Config) registries() (keys, notices []string, err error) {
	add := func(key string) {
		if !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	if c.UniverseDomain == universeDomain.Default {
		for _, host := range gcrHosts {
			add(host)
		}
	}
	for i, name := range c.Locations {
		host, err := locationHost(name)
		if err != nil {
			return nil, nil, advise(fmt.Errorf("%s, %d of %d, %w", location.Name, i+1, len(c.Locations), err),
				location.Name+" takes locations, several with commas between them; whole hosts belong into "+ownRegistry.Name)
		}
		if isLetters(name) && !slices.Contains(multiRegions[:], name) {
			notices = append(notices, location.Name+" holds one word that is neither us, europe nor asia, and no region; it is used as it is")
		}
		add(host)
	}
	var own []string
	for i, name := range c.OwnRegistries {
		key, err := dockercfg.NormalizeRegistry(name)
		if err != nil {
			return nil, nil, fmt.Errorf("%s, %d of %d: %w", ownRegistry.Name, i+1, len(c.OwnRegistries), err)
		}
		if !isGoogleRegistry(key) {
			notices = append(notices, fmt.Sprintf("%s names %s, which is no host of Google's; it gets the credential since you say so", ownRegistry.Name, key))
		}
		own = append(own, key)
		add(key)
	}
	if c.Registries == nil {
		return keys, notices, nil
	}
	keys = nil
	for i, name := range c.Registries {
		key, err := dockercfg.NormalizeRegistry(name)
		if err != nil {
			return nil, nil, fmt.Errorf("registry %d of %d: %w", i+1, len(c.Registries), err)
		}
		if isGoogleRegistry(key) || slices.Contains(own, key) {
			add(key)
		}
	}
	return keys, notices, nil
}
