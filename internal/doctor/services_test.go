package doctor

import "testing"

func TestMisspelt(t *testing.T) {
	for word, want := range map[string]string{
		// What the documents had, and a user fell into.
		"encrypted_env": "encrypted_env_file", "encryped_dockercfg": "encrypted_dockercfg_path",
		"encrypted_dockercfg": "encrypted_dockercfg_path", "encryped_dockercfg_path": "encrypted_dockercfg_path",
		"encrypted-env-file": "encrypted_env_file", "Encrypted_Env_File": "encrypted_env_file",
		"encrypted_env_files": "encrypted_env_file", "encrypted_enviroment": "encrypted_environment",
		"dockercfg_services": "dockercfg_service", "docker_cfg_service": "dockercfg_service",
		"env_files": "env_file", "image_names": "image_name", "add-docker": "add_docker",
	} {
		if got := misspelt(word); got != want {
			t.Errorf("%s: got %q, want %q", word, got, want)
		}
	}
	for _, word := range directives {
		if got := misspelt(word); got != "" {
			t.Errorf("%s: got %q", word, got)
		}
	}
	// Names of the Compose specification, and others of Codeship's.
	for _, word := range []string{
		"annotations", "attach", "blkio_config", "build", "cap_add", "cap_drop", "cgroup", "cgroup_parent", "command", "configs", "container_name",
		"cpu_count", "cpu_percent", "cpu_period", "cpu_quota", "cpu_rt_period", "cpu_rt_runtime", "cpu_shares", "cpus", "cpuset", "credential_spec",
		"depends_on", "deploy", "develop", "device_cgroup_rules", "devices", "dns", "dns_opt", "dns_search", "domainname", "driver_opts", "entrypoint",
		"env_file", "environment", "expose", "extends", "external_links", "extra_hosts", "gpus", "group_add", "healthcheck", "hostname", "image", "init",
		"ipc", "isolation", "label_file", "labels", "links", "logging", "mac_address", "mem_limit", "mem_reservation", "mem_swappiness", "memswap_limit",
		"models", "network_mode", "networks", "oom_kill_disable", "oom_score_adj", "pid", "pids_limit", "platform", "ports", "post_start", "pre_stop",
		"privileged", "profiles", "provider", "pull_policy", "read_only", "restart", "runtime", "scale", "secrets", "security_opt", "shm_size",
		"stdin_open", "stop_grace_period", "stop_signal", "storage_opt", "sysctls", "tmpfs", "tty", "ulimits", "use_api_socket", "user", "userns_mode",
		"uts", "volumes", "volumes_from", "working_dir",
		"additional_contexts", "args", "cache_from", "cache_to", "context", "dockerfile", "dockerfile_inline", "entitlements", "no_cache", "platforms",
		"provenance", "pull", "sbom", "ssh", "tags", "target",
		"cached", "default_cache_branch", "force_rm", "name", "type", "tag", "on_fail", "steps", "x-encrypted_env",
	} {
		if got := misspelt(word); got != "" {
			t.Errorf("%s is taken for %s", word, got)
		}
	}
}
