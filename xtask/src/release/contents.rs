//! Which files a package has to have, and which it may have.

/// Keys of a manifest without which a crate's page says too little, or the registry refuses it.
const KEYS: &[&str] = &[
    "version.workspace",
    "description",
    "readme",
    "keywords",
    "categories",
    "license.workspace",
    "repository.workspace",
    "rust-version.workspace",
];

const IN_EVERY_CRATE: &[&str] =
    &["Cargo.toml", "Cargo.lock", "LICENSE-APACHE", "LICENSE-MIT", "README.md", "src/lib.rs"];

/// What cargo adds by itself.
const OF_CARGO: &[&str] = &[".cargo_vcs_info.json", "Cargo.toml.orig"];

/// What is in which folder of a crate, by the ends of names.
const OF_A_CRATE: &[(&str, &[&str])] =
    &[("src/", &[".rs", ".lua", ".toml"]), ("examples/", &[".rs"]), ("pages/", &[".html", ".css", ".js", ".svg"])];

const IN_THE_NPM_PACKAGE: &[&str] = &[
    "package.json",
    "README.md",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "dist/index.js",
    "dist/index.d.ts",
    "dist/react/index.js",
    "dist/react/index.d.ts",
];

const OF_THE_NPM_PACKAGE: &[(&str, &[&str])] = &[("dist/", &[".js", ".d.ts"])];

pub(super) fn faults_of_a_crate(name: &str, manifest: &str, files: &[&str]) -> Vec<String> {
    let lacks = |key: &&&str| !manifest.lines().any(|line| line.starts_with(&format!("{key} = ")));
    let keys = KEYS.iter().filter(lacks).map(|key| format!("{name}: its Cargo.toml has no `{key}`"));
    keys.chain(faults(name, files, &[IN_EVERY_CRATE, OF_CARGO], OF_A_CRATE)).collect()
}

pub(super) fn faults_of_the_npm_package(files: &[&str]) -> Vec<String> {
    faults("the npm package", files, &[IN_THE_NPM_PACKAGE], OF_THE_NPM_PACKAGE)
}

/// The paths in what `npm pack --json` writes.
pub(super) fn paths_of_npm(listed: &str) -> Vec<&str> {
    listed.lines().filter_map(|line| line.trim().strip_prefix("\"path\": \"")?.split('"').next()).collect()
}

/// The first of `named` have to be there; all of them, and what `folders` hold, may.
fn faults(package: &str, files: &[&str], named: &[&[&str]], folders: &[(&str, &[&str])]) -> Vec<String> {
    let expected = |file: &str| {
        let by_folder = folders.iter().find(|(folder, _)| file.starts_with(folder));
        named.iter().any(|names| names.contains(&file))
            || by_folder.is_some_and(|(_, endings)| endings.iter().any(|ending| file.ends_with(ending)))
    };
    let missing = named[0].iter().filter(|name| !files.contains(name));
    let odd = files.iter().filter(|file| !expected(file));
    missing
        .map(|name| format!("{package} lacks {name}"))
        .chain(odd.map(|file| {
            format!(
                "{package} would ship {file}: leave it out, or say in xtask/src/release/contents.rs that it belongs"
            )
        }))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "description = \"\"\nreadme = \"\"\nkeywords = []\ncategories = []\nlicense.workspace = true\n\
                            version.workspace = true\nrepository.workspace = true\nrust-version.workspace = true\n";

    #[test]
    fn a_crate_of_sources_pages_and_licences_is_as_it_should_be() {
        let files = [IN_EVERY_CRATE, OF_CARGO, &["src/a/b.rs", "src/take.lua", "pages/demo/page.js"]].concat();

        assert_eq!(faults_of_a_crate("a", MANIFEST, &files), [""; 0]);
    }

    #[test]
    fn what_lacks_and_what_does_not_belong_is_named() {
        let files: Vec<&str> = IN_EVERY_CRATE
            .iter()
            .copied()
            .filter(|name| *name != "LICENSE-MIT")
            .chain(["src/a.pem", "tests/it.rs"])
            .collect();

        let faults = faults_of_a_crate("a", &MANIFEST.replace("keywords", "words"), &files);

        assert_eq!(faults.len(), 4, "{faults:?}");
        for (fault, word) in faults.iter().zip(["`keywords`", "LICENSE-MIT", "src/a.pem", "tests/it.rs"]) {
            assert!(fault.contains(word), "{fault}");
        }
    }

    #[test]
    fn the_npm_package_is_built_modules_with_their_types() {
        let listed: String = IN_THE_NPM_PACKAGE
            .iter()
            .chain(&["dist/machine.d.ts"])
            .map(|path| format!("      {{\n        \"path\": \"{path}\",\n        \"size\": 1\n      }},\n"))
            .collect();

        assert_eq!(faults_of_the_npm_package(&paths_of_npm(&listed)), [""; 0]);
        assert_eq!(faults_of_the_npm_package(&[]).len(), IN_THE_NPM_PACKAGE.len());
        let with_source = [IN_THE_NPM_PACKAGE, &["src/index.ts"]].concat();
        assert!(faults_of_the_npm_package(&with_source)[0].contains("src/index.ts"));
    }
}
