//! The harness of the browser does what it says: a page is seen at its width, in its colours.

use tempfile::TempDir;
use testkit::{Browser, CHROMEDRIVER, Look, needs};

const PAGE: &str = "data:text/html,<meta name=viewport content=width=device-width>\
    <style>body{background:white} @media (prefers-color-scheme:dark){body{background:black}}</style>\
    <input name=who><button onclick=\"out.innerText=document.querySelector('input').value+' '+innerWidth\
    +getComputedStyle(document.body).backgroundColor;console.error('odd')\">go</button><p id=out></p>";

#[tokio::test]
async fn browser_fills_clicks_and_reads_at_any_look() {
    let Some(driver) = needs(CHROMEDRIVER, "the browser's harness") else { return };
    let pictures = TempDir::new().unwrap();
    let browser = Browser::start(&driver, pictures.path()).await.unwrap();
    let looks =
        [(Look::DESK, "Ann 1280rgb(255, 255, 255)"), (Look::PHONE.dark(), "Ann 390rgb(0, 0, 0)")];
    for (look, seen) in looks {
        browser.look(look).await.unwrap();
        browser.open(PAGE).await.unwrap();
        browser.fill("who", "Ann").await.unwrap();
        browser.click("button").await.unwrap();
        browser.shows("#out", seen).await.unwrap();
    }
    assert!(!browser.scrolls_sideways().await.unwrap());
    assert_eq!(browser.console_errors().await.unwrap().len(), 2);
    browser.screenshot("page").await.unwrap();
    assert!(pictures.path().join("page.png").exists());
    browser.close().await.unwrap();
}
