//! Data flows one way: no room of the house imports one that it must not know. The table is the one in the README's
//! chapter on the code; a better plan changes both.

use std::{fs, path::Path};

use syn::{UseTree, visit::Visit};

/// A room, the rooms that it may name, and the outside crates that it may use which others may not.
struct Room {
    name: &'static str,
    rooms: &'static [&'static str],
    crates: &'static [&'static str],
}

const ROOMS: [Room; 12] = [
    Room { name: "domain", rooms: &[], crates: &["time"] },
    Room { name: "token", rooms: &["domain"], crates: &["jsonwebtoken", "aws_lc_rs", "base64"] },
    Room {
        name: "store",
        rooms: &["domain"],
        crates: &["sled", "tokio", "prost", "arc_swap", "futures_util", "getrandom", "siphasher"],
    },
    Room {
        name: "service",
        rooms: &["domain", "token", "store"],
        crates: &["tokio", "futures_util", "humantime", "quick_cache"],
    },
    Room {
        name: "transport",
        rooms: &["domain", "service", "token"],
        crates: &[
            "axum",
            "base64",
            "form_urlencoded",
            "futures_util",
            "http",
            "http_body",
            "http_body_util",
            "humantime",
            "hyper",
            "hyper_util",
            "percent_encoding",
            "tokio",
            "tokio_stream",
            "tokio_util",
            "tonic",
            "tonic_prost",
            "tower",
            "tonic_health",
            "tonic_reflection",
            "tonic_types",
            "prometheus_client",
            "prost",
            "prost_reflect",
            "prost_types",
        ],
    },
    Room { name: "outbound", rooms: &["domain", "token"], crates: &["reqwest", "tokio", "tokio_util", "arc_swap"] },
    Room {
        name: "config",
        rooms: &["domain", "token", "outbound", "service"],
        crates: &["bytesize", "toml", "humantime", "strsim", "tracing_subscriber"],
    },
    Room { name: "telemetry", rooms: &["config"], crates: &["tracing_subscriber"] },
    Room { name: "shutdown", rooms: &[], crates: &["tokio"] },
    Room {
        name: "app",
        rooms: &["config", "domain", "outbound", "service", "store", "token", "transport"],
        crates: &["axum", "rustix", "tokio", "tokio_stream", "tokio_util", "tonic", "tonic_reflection"],
    },
    Room {
        name: "cli",
        rooms: &["app", "config", "domain", "shutdown", "telemetry", "token", "transport"],
        crates: &[
            "tokio",
            "tokio_util",
            "tonic",
            "tonic_types",
            "prost",
            "prost_types",
            "clap",
            "anstream",
            "anstyle",
            "tempfile",
            "humantime",
            "futures_util",
            "getrandom",
            "h2",
            "hdrhistogram",
            "http",
        ],
    },
    Room { name: "main", rooms: &["cli"], crates: &["tokio", "clap", "mimalloc"] },
];

/// What every room may use.
const COMMON: [&str; 5] = ["std", "thiserror", "tracing", "serde", "serde_json"];

/// What only tests use.
const TESTS: [&str; 1] = ["proptest"];

/// The source files of a room, with their texts.
fn files(path: &Path) -> Vec<(String, String)> {
    if path.is_file() {
        return vec![(path.display().to_string(), fs::read_to_string(path).unwrap())];
    }
    let entries = fs::read_dir(path).into_iter().flatten().map(|entry| entry.unwrap().path());
    entries
        .filter(|path| path.is_dir() || path.extension().is_some_and(|end| end == "rs"))
        .flat_map(|path| files(&path))
        .collect()
}

/// Collects the first two names of every path and import: `crate::room` as `(crate, room)`.
#[derive(Default)]
struct Paths(Vec<(String, String)>);

impl<'ast> Visit<'ast> for Paths {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        let mut names = path.segments.iter().map(|segment| segment.ident.to_string());
        if let (Some(first), Some(second)) = (names.next(), names.next()) {
            self.0.push((first, second));
        }
        syn::visit::visit_path(self, path);
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if let UseTree::Path(path) = &item.tree {
            let first = path.ident.to_string();
            self.0.extend(heads(&path.tree).into_iter().map(|second| (first.clone(), second)));
        }
    }
}

/// The names that an import may go on with.
fn heads(tree: &UseTree) -> Vec<String> {
    match tree {
        UseTree::Path(path) => vec![path.ident.to_string()],
        UseTree::Name(name) => vec![name.ident.to_string()],
        UseTree::Rename(name) => vec![name.ident.to_string()],
        UseTree::Glob(_) => vec!["*".to_owned()],
        UseTree::Group(group) => group.items.iter().flat_map(heads).collect(),
    }
}

fn paths(text: &str) -> Vec<(String, String)> {
    let mut paths = Paths::default();
    paths.visit_file(&syn::parse_file(text).unwrap());
    paths.0
}

/// The outside crates that the package depends on, as code names them.
fn dependencies() -> Vec<String> {
    let manifest: toml::Table = toml::from_str(include_str!("../../Cargo.toml")).unwrap();
    let names =
        |table: &str| manifest[table].as_table().unwrap().keys().map(|name| name.replace('-', "_")).collect::<Vec<_>>();
    [names("dependencies"), names("dev-dependencies")].concat()
}

#[test]
fn no_room_names_one_that_it_must_not_know() {
    let (root, dependencies) = (Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), dependencies());
    let mut faults = Vec::new();
    for room in &ROOMS {
        let places = [root.join(room.name), root.join(format!("{}.rs", room.name))];
        let files: Vec<_> = places.iter().filter(|path| path.exists()).flat_map(|path| files(path)).collect();
        assert!(!files.is_empty(), "there is no room {}", room.name);
        for (file, text) in files {
            for (first, second) in paths(&text) {
                let other_room =
                    (first == "crate" || first == "curfew") && ROOMS.iter().any(|other| other.name == second);
                if other_room && second != room.name && !room.rooms.contains(&second.as_str()) {
                    faults.push(format!("{file}: {} names {second}", room.name));
                }
                let outside = dependencies.contains(&first)
                    && !COMMON.contains(&first.as_str())
                    && !TESTS.contains(&first.as_str())
                    && !room.crates.contains(&first.as_str());
                if outside {
                    faults.push(format!("{file}: {} uses the crate {first}", room.name));
                }
            }
        }
    }
    faults.sort();
    faults.dedup();
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn every_room_is_in_the_table() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for entry in fs::read_dir(root).unwrap() {
        let name = entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned();
        assert!(name == "lib" || ROOMS.iter().any(|room| room.name == name), "{name} is not in the table");
    }
}

#[test]
fn the_reader_of_imports_sees_them() {
    let text =
        "use crate::{domain::{A, B}, token::C};\nuse ::sled::Db;\nfn f() { tonic::Status::new(); /* reqwest::get */ }";
    let found: Vec<String> = paths(text).into_iter().map(|(first, second)| format!("{first} {second}")).collect();
    for wanted in ["crate domain", "crate token", "sled Db", "tonic Status"] {
        assert!(found.iter().any(|path| path == wanted), "{wanted}: {found:?}");
    }
    assert!(!found.iter().any(|path| path.starts_with("reqwest")));
}

#[test]
fn every_file_says_what_it_does() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let silent: Vec<String> =
        files(&root).into_iter().filter(|(_, text)| !text.starts_with("//! ")).map(|(file, _)| file).collect();
    assert!(silent.is_empty(), "{silent:?}");
}
