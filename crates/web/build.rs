//! Compresses the assets once, at build time, and names each by its content.
//!
//! Writes `assets.rs` with one `Asset` per file; `src/assets.rs` includes it.

use std::{env, fmt::Write as _, fs, io::Write as _, path::Path};

use flate2::{Compression, write::GzEncoder};

/// File below `assets/`, constant, media type.
const ASSETS: &[(&str, &str, &str)] = &[
    ("vendor/tabler.min.css", "TABLER_CSS", "text/css; charset=utf-8"),
    ("vendor/htmx.min.js", "HTMX_JS", "text/javascript; charset=utf-8"),
    ("hookswitch.css", "HOOKSWITCH_CSS", "text/css; charset=utf-8"),
    ("hookswitch.js", "HOOKSWITCH_JS", "text/javascript; charset=utf-8"),
    ("live.js", "LIVE_JS", "text/javascript; charset=utf-8"),
    ("theme.js", "THEME_JS", "text/javascript; charset=utf-8"),
    ("icons.svg", "ICONS_SVG", "image/svg+xml"),
    ("favicon.svg", "FAVICON_SVG", "image/svg+xml"),
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let out = env::var_os("OUT_DIR").ok_or("Cargo sets OUT_DIR")?;
    let mut code = String::new();
    let mut names = Vec::new();
    for (file, name, media_type) in ASSETS {
        let path = Path::new("assets").join(file);
        println!("cargo:rerun-if-changed={}", path.display());
        let content = fs::read(&path)?;
        let packed = format!("{name}.gz");
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        gzip.write_all(&content)?;
        fs::write(Path::new(&out).join(&packed), gzip.finish()?)?;
        let (stem, extension) = file
            .rsplit('/')
            .next()
            .and_then(|it| it.rsplit_once('.'))
            .ok_or("an asset needs an extension")?;
        let address = format!("/assets/{stem}.{:016x}.{extension}", fnv1a(&content));
        writeln!(
            code,
            "pub(crate) static {name}: Asset = Asset {{ address: {address:?}, media_type: \
             {media_type:?}, gzip: include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{packed}\")) }};"
        )?;
        names.push(format!("&{name}"));
    }
    writeln!(code, "pub(crate) static ALL: &[&Asset] = &[{}];", names.join(", "))?;
    fs::write(Path::new(&out).join("assets.rs"), code)?;
    Ok(())
}

/// FNV-1a, 64 bits: enough to tell versions of our own files apart; it guards nothing.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
