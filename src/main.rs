//! The program: parse, run, exit code.

fn main() -> std::process::ExitCode {
    entrawatch::cli::main()
}
