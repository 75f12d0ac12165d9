//! Tells the program which commit it is built from: `ENTRAWATCH_COMMIT`, else what git says, else that it is unknown.

use std::process::Command;

#[expect(clippy::disallowed_methods, reason = "a build script is told by its environment")]
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=ENTRAWATCH_COMMIT");
    // What the build is told reaches the program by itself.
    if std::env::var_os("ENTRAWATCH_COMMIT").is_some_and(|commit| !commit.is_empty()) {
        return;
    }
    let commit = git(&["rev-parse", "--short=12", "HEAD"]);
    println!("cargo::rustc-env=ENTRAWATCH_COMMIT={}", commit.as_deref().unwrap_or("unknown"));
    // The commit changes with HEAD, or with the branch that HEAD names.
    let branch = git(&["symbolic-ref", "-q", "HEAD"]);
    for name in ["HEAD", "packed-refs"].into_iter().chain(branch.as_deref()) {
        if let Some(path) = git(&["rev-parse", "--git-path", name]).filter(|path| std::fs::exists(path).unwrap_or(false)) {
            println!("cargo::rerun-if-changed={path}");
        }
    }
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    Some(text).filter(|text| !text.is_empty())
}
