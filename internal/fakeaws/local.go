package fakeaws

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// The paths under which a container gets its keys, and an instance has its role.
const (
	ContainerPath = "/container/keys"
	instanceRole  = "instance-role"
)

// AddContainer lets whoever shows a token have the keys of a role, under ContainerPath.
func (a *AWS) AddContainer(token string, arn string) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.container = token + "\n" + arn
}

func (a *AWS) containerKeys(w http.ResponseWriter, r *request) {
	w.Header().Set("Content-Type", "application/json")
	a.mutex.Lock()
	token, arn, found := strings.Cut(a.container, "\n")
	a.mutex.Unlock()
	if !found || r.Method != http.MethodGet || r.URL.Path != ContainerPath || r.Header.Get("Authorization") != token {
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"code":"AccessDenied","message":"the token `+r.Header.Get("Authorization")+` is not known"}`)
		return
	}
	a.writeKeys(w, arn, "")
}

func (a *AWS) writeKeys(w http.ResponseWriter, arn, code string) {
	expires := a.now().Add(time.Hour)
	k := a.AddSession(arn, expires, Token, PublicToken, BearerToken, AssumeRole)
	answer := map[string]string{
		"AccessKeyId": k.ID, "SecretAccessKey": k.Secret, "Token": k.SessionToken, "Expiration": expires.UTC().Format(time.RFC3339),
	}
	if code != "" {
		answer["Code"], answer["Type"], answer["LastUpdated"] = code, "AWS-HMAC", a.now().UTC().Format(time.RFC3339)
	}
	json.NewEncoder(w).Encode(answer)
}

// AddInstance gives an instance a role; with onlyV1 its metadata know no tokens, as
// some that pose as such do not.
func (a *AWS) AddInstance(arn string, onlyV1 bool) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.instance, a.onlyV1, a.imdsToken = arn, onlyV1, random(20)
}

// metadata is version 2 of the protocol (Amazon EC2 user guide, "Use the Instance
// Metadata Service"), or version 1.
func (a *AWS) metadata(w http.ResponseWriter, r *request) {
	a.mutex.Lock()
	arn, token, onlyV1 := a.instance, a.imdsToken, a.onlyV1
	a.mutex.Unlock()
	const role = "/latest/meta-data/iam/security-credentials/"
	switch {
	case r.URL.Path == "/latest/api/token" && onlyV1:
		w.WriteHeader(http.StatusNotFound)
	case r.URL.Path == "/latest/api/token" && (r.Method != http.MethodPut || r.Header.Get("X-Aws-Ec2-Metadata-Token-Ttl-Seconds") == "" || r.Header.Get("X-Forwarded-For") != ""):
		w.WriteHeader(http.StatusBadRequest)
	case r.URL.Path == "/latest/api/token":
		w.Header().Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "21600")
		fmt.Fprint(w, token)
	case !onlyV1 && (token == "" || r.Header.Get("X-Aws-Ec2-Metadata-Token") != token):
		w.WriteHeader(http.StatusUnauthorized)
	case arn == "":
		w.WriteHeader(http.StatusNotFound)
	case r.URL.Path == "/latest/meta-data/placement/availability-zone":
		fmt.Fprint(w, "eu-west-1b")
	case r.URL.Path == role || r.URL.Path+"/" == role:
		fmt.Fprint(w, instanceRole)
	case r.URL.Path == role+instanceRole:
		a.writeKeys(w, arn, "Success")
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// AddSSO lets a bearer token of single sign-on have the keys of a role of an account.
func (a *AWS) AddSSO(token, account, role string) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if a.sso == nil {
		a.sso = make(map[string]string)
	}
	a.sso[token] = account + "/" + role
}

// portal is GetRoleCredentials (IAM Identity Center portal API reference).
func (a *AWS) portal(w http.ResponseWriter, r *request) {
	w.Header().Set("Content-Type", "application/json")
	account, role := r.URL.Query().Get("account_id"), r.URL.Query().Get("role_name")
	a.mutex.Lock()
	allowed, known := a.sso[r.Header.Get("X-Amz-Sso_bearer_token")]
	a.mutex.Unlock()
	if !known || allowed != account+"/"+role {
		w.Header().Set("X-Amzn-Errortype", "UnauthorizedException")
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"message":"Session token not found or invalid"}`)
		return
	}
	expires := a.now().Add(time.Hour)
	k := a.AddSession("arn:aws:sts::"+account+":assumed-role/"+role+"/me", expires, Token, PublicToken, BearerToken, AssumeRole)
	a.done(r, "sso", "GetRoleCredentials", signed{key: &key{arn: role}})
	json.NewEncoder(w).Encode(map[string]any{"roleCredentials": map[string]any{
		"accessKeyId": k.ID, "secretAccessKey": k.Secret, "sessionToken": k.SessionToken, "expiration": expires.UnixMilli(),
	}})
}
