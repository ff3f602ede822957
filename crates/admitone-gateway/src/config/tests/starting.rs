use super::Folder;
use crate::config::Starting;

#[test]
fn each_case_loads_without_fault_or_warning() {
    let pair = rcgen::generate_simple_self_signed(["gateway.example.com".to_owned()]).expect("a certificate");
    for case in Starting::ALL {
        let folder = Folder::new();
        for (number, (name, _)) in case.files().iter().enumerate() {
            let content = match name.as_str() {
                "cert.pem" | "/secrets/redis-ca/ca.pem" => pair.cert.pem(),
                "key.pem" => pair.signing_key.serialize_pem(),
                _ => format!("{number:064}\n"),
            };
            let name = name.trim_start_matches('/');
            std::fs::create_dir_all(folder.as_ref().join(name).parent().expect("a folder")).expect("a folder");
            folder.write(name, content);
        }
        let config = folder
            .parse(&case.text().replace("\"/secrets/", "\"secrets/"))
            .unwrap_or_else(|faults| panic!("{}:\n{faults}", case.name()));
        assert!(config.warnings.is_empty(), "{}: {:?}", case.name(), config.warnings);
    }
}

#[test]
fn what_a_case_needs_is_told() {
    assert_eq!(Starting::Nginx.files(), [("admin.secret".to_owned(), "`admitone keys generate` makes it")]);
    let names: Vec<String> = Starting::Kubernetes.files().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["admin.secret", "redis.password", "ticket-tags.key", "ticket-1.key"]);
}

#[test]
fn a_file_that_is_missing_is_a_fault() {
    let faults = Folder::new().parse(&Starting::Redis.text()).expect_err("no files");
    let missing = faults.to_string().matches("there is no such file").count();
    assert_eq!(missing, Starting::Redis.files().len(), "{faults}");
}
