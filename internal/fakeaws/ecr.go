package fakeaws

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"time"
)

// authorization is GetAuthorizationToken of ECR and ECR Public.
func (a *AWS) authorization(r *request, target string) (any, *problem) {
	service := map[string]string{
		"AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken": "ecr",
		"SpencerFrontendService.GetAuthorizationToken":               "ecr-public",
	}[target]
	if service == "" {
		return nil, refuse(http.StatusBadRequest, "UnknownOperationException", "")
	}
	if p := wrongHost(r, service); p != nil {
		return nil, p
	}
	if r.Header.Get("Content-Type") != "application/x-amz-json-1.1" {
		return nil, refuse(http.StatusNotFound, "UnknownOperationException", "")
	}
	s, p := a.verify(r, service, jsonCodes)
	if p != nil {
		return nil, p
	}
	var input struct {
		RegistryIDs []string `json:"registryIds"`
	}
	if err := json.Unmarshal(r.body, &input); err != nil {
		return nil, refuse(http.StatusBadRequest, "SerializationException", "")
	}
	if service == "ecr-public" && s.region != "us-east-1" {
		return nil, refuse(http.StatusBadRequest, "UnsupportedCommandException", "GetAuthorizationToken command is only supported in us-east-1.")
	}
	actions := []string{Token}
	if service == "ecr-public" {
		actions = []string{PublicToken, BearerToken}
	}
	if p := allowed(s, actions...); p != nil {
		return nil, p
	}
	a.done(r, service, "GetAuthorizationToken", s)
	lifetime := a.Lifetime
	if lifetime == 0 {
		lifetime = 12 * time.Hour
	}
	data := func(account string) map[string]any {
		return map[string]any{
			"authorizationToken": base64.StdEncoding.EncodeToString([]byte("AWS:" + a.password(account, s.region))),
			"expiresAt":          float64(a.now().Add(lifetime).UnixMilli()) / 1000,
		}
	}
	if service == "ecr-public" {
		return map[string]any{"authorizationData": data("public")}, nil
	}
	ids := input.RegistryIDs
	if ids == nil {
		ids = []string{s.account}
	}
	var list []any
	for _, id := range ids {
		d := data(id)
		d["proxyEndpoint"] = "https://" + id + ".dkr.ecr." + s.region + "." + dns[partitionOf(s.region)][0]
		if a.Registry != nil {
			d["proxyEndpoint"] = a.Registry(id, s.region)
		}
		list = append(list, d)
	}
	return map[string]any{"authorizationData": list}, nil
}
