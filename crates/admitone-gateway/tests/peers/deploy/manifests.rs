//! Compose, Kubernetes and Cloud Run: that what they say fits the gateway and the configuration beside them.

use std::path::Path;
use std::process::Command;

use admitone_gateway::config::Starting;
use serde_json::Value;

use super::{read, repository, said};

/// The documents of a YAML file.
fn documents(path: &str) -> Vec<Value> {
    let program = "import json, sys, yaml\nprint(json.dumps(list(yaml.safe_load_all(open(sys.argv[1])))))";
    let named = |name| std::env::var_os(name).expect("it says where it is: run `cargo xtask test --only deploy`");
    let mut command = Command::new(named("ADMITONE_PYTHON"));
    command.env("PYTHONPATH", named("ADMITONE_SCHEMATHESIS")).args(["-c", program]).arg(repository(path));
    serde_json::from_str(&said(&mut command)).expect("JSON")
}

fn only(path: &str) -> Value {
    let mut documents = documents(path);
    assert_eq!(documents.len(), 1, "{path}");
    documents.remove(0)
}

/// A number that the configuration sets.
fn setting(case: Starting, key: &str) -> u64 {
    let text = case.text();
    let value = text.lines().find_map(|line| line.strip_prefix(&format!("{key} = "))).expect("a setting");
    value.parse().expect("a number")
}

#[test]
fn the_configurations_are_those_that_config_init_writes() {
    for (path, case) in [
        ("deploy/compose/admitone/admitone.toml", Starting::Compose),
        ("deploy/kubernetes/admitone.toml", Starting::Kubernetes),
        ("deploy/cloud-run/admitone.toml", Starting::CloudRun),
    ] {
        let mend = format!("cargo run -- config init {} >{path}", case.name());
        assert_eq!(read(path), case.text(), "{mend}");
    }
}

#[test]
fn the_pods_are_probed_drained_and_confined() {
    let deployment = only("deploy/kubernetes/deployment.yaml");
    let pod = &deployment["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    assert_eq!(deployment["spec"]["replicas"], setting(Starting::Kubernetes, "replicas"));
    let drain = setting(Starting::Kubernetes, "drain_seconds");
    assert!(pod["terminationGracePeriodSeconds"].as_u64().is_some_and(|seconds| seconds >= drain + 10));
    for (probe, path) in [("startupProbe", "/healthz"), ("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")] {
        assert_eq!(container[probe]["httpGet"]["path"], path, "{probe}");
    }
    let listen = Starting::Kubernetes.text();
    let port = container["ports"][0]["containerPort"].as_u64().expect("a port");
    assert!(listen.contains(&format!("listen = \"0.0.0.0:{port}\"")), "{listen}");
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(pod["securityContext"]["runAsUser"], 65532);
    assert_eq!(pod["automountServiceAccountToken"], false);
    let confined = &container["securityContext"];
    assert_eq!(
        (&confined["readOnlyRootFilesystem"], &confined["allowPrivilegeEscalation"]),
        (&true.into(), &false.into())
    );
    assert_eq!(confined["capabilities"]["drop"][0], "ALL");
    // Owner and group alone, or every start warns of readable secrets.
    assert_eq!(pod["volumes"][0]["projected"]["defaultMode"], 0o440);
}

#[test]
fn what_belongs_together_in_kubernetes_has_one_name() {
    let kustomization = only("deploy/kubernetes/kustomization.yaml");
    let listed = kustomization["resources"].as_array().expect("resources");
    let labels = serde_json::json!({ "app.kubernetes.io/name": "admitone" });
    for resource in listed {
        let path = format!("deploy/kubernetes/{}", resource.as_str().expect("a file"));
        for document in documents(&path) {
            assert_eq!(document["metadata"]["labels"], labels, "{path}");
        }
    }
    let folder = std::fs::read_dir(repository("deploy/kubernetes")).expect("a folder").flatten();
    let manifests = folder.filter(|entry| entry.path().extension() == Some("yaml".as_ref())).count();
    assert_eq!(manifests, listed.len() + 1, "each of them is listed, but for the list itself");
    assert_eq!(only("deploy/kubernetes/service.yaml")["spec"]["selector"], labels);
    assert_eq!(only("deploy/kubernetes/disruption.yaml")["spec"]["selector"]["matchLabels"], labels);
    assert_eq!(documents("deploy/kubernetes/network.yaml")[0]["spec"]["podSelector"]["matchLabels"], labels);
}

#[test]
fn cloud_run_mounts_every_file_that_the_configuration_names() {
    let service = only("deploy/cloud-run/service.yaml");
    let template = &service["spec"]["template"];
    let container = &template["spec"]["containers"][0];
    let mounts = container["volumeMounts"].as_array().expect("mounts");
    let volumes = template["spec"]["volumes"].as_array().expect("volumes");
    let mounted: Vec<String> = mounts
        .iter()
        .map(|mount| {
            let volume = volumes.iter().find(|volume| volume["name"] == mount["name"]).expect("its volume");
            let item = volume["secret"]["items"][0]["path"].as_str().expect("a path");
            format!("{}/{item}", mount["mountPath"].as_str().expect("a folder"))
        })
        .collect();
    assert_eq!(volumes.len(), mounts.len());
    let named = Starting::CloudRun.files().into_iter().map(|(file, _)| file);
    for file in named.chain(["/secrets/configuration/admitone.toml".to_owned()]) {
        assert!(mounted.contains(&file), "{file} is not mounted: {mounted:?}");
    }
    assert_eq!(container["args"][2], "/secrets/configuration/admitone.toml");
    let most = template["metadata"]["annotations"]["autoscaling.knative.dev/maxScale"].as_str().expect("a number");
    assert_eq!(most.parse(), Ok(setting(Starting::CloudRun, "replicas")));
    assert!(setting(Starting::CloudRun, "drain_seconds") < 10, "an instance has ten seconds");
}

#[test]
fn compose_gives_the_gateway_its_files_and_valkey_to_nobody_else() {
    let compose = only("deploy/compose/compose.yaml");
    let (gateway, valkey) = (&compose["services"]["gateway"], &compose["services"]["valkey"]);
    let folder = Path::new("deploy/compose");
    let build = folder.join(gateway["build"]["context"].as_str().expect("a folder"));
    let file = build.join(gateway["build"]["dockerfile"].as_str().expect("a file"));
    assert!(repository(&file.to_string_lossy()).is_file(), "{file:?}");
    assert_eq!(gateway["volumes"][0], "./admitone:/etc/admitone:ro");
    assert_eq!(gateway["network_mode"], "service:valkey");
    let command: Vec<&str> = valkey["command"].as_array().expect("words").iter().filter_map(Value::as_str).collect();
    for words in [["--bind", "127.0.0.1"], ["--maxmemory-policy", "noeviction"], ["--appendonly", "yes"]] {
        assert!(command.windows(2).any(|pair| pair == words), "{words:?}: {command:?}");
    }
    assert_eq!(valkey["ports"][0], "127.0.0.1:8080:8080", "and not Valkey's own");
    let network = compose["networks"]["front"]["ipam"]["config"][0]["subnet"].as_str().expect("a network");
    assert!(Starting::Compose.text().contains(&format!("trusted_proxies = [\"{network}\"]")), "{network}");
    for service in [gateway, valkey] {
        assert_eq!((&service["read_only"], &service["cap_drop"][0]), (&true.into(), &"ALL".into()));
    }
}
