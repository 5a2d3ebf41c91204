package accounts

// A setting is a name of an account's that stands for a variable of its backend.
type setting struct {
	name     string
	variable string
}

// settingsOf gives the settings of a built-in backend, nil for others. Those whose
// variable is "" are read by themselves.
func settingsOf(backend string) []setting {
	switch backend {
	case "ecr":
		return []setting{
			{"region", "AWS_REGION"}, {"profile", "AWS_PROFILE"}, {"role", ""},
			{"externalId", "AWS_STS_EXTERNAL_ID"}, {"accountId", ""},
		}
	case "gcr":
		return []setting{{"location", "GOOGLE_LOCATION"}, {"serviceAccount", "GOOGLE_IMPERSONATE_SERVICE_ACCOUNT"}}
	case "azure":
		return []setting{{"tenant", "AZURE_TENANT_ID"}, {"clientId", "AZURE_CLIENT_ID"}}
	case "ibm":
		return []setting{{"region", "IC_REGION"}}
	}
	return nil
}

// settingNames are those of all backends.
func settingNames() (names []string) {
	seen := make(map[string]bool)
	for _, backend := range [...]string{"ecr", "gcr", "azure", "ibm"} {
		for _, s := range settingsOf(backend) {
			if !seen[s.name] {
				seen[s.name] = true
				names = append(names, s.name)
			}
		}
	}
	return names
}
