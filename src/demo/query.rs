//! Query options of a request. Graph refuses those it does not know, and so does this.

use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::refusal::Refusal;

/// How many objects a page has when nobody asks.
const DEFAULT_PAGE: usize = 100;

/// The most objects a page can have.
const LARGEST_PAGE: usize = 999;

/// What a request asked for.
#[derive(Debug, Default)]
pub(super) struct Options {
    /// `$select`, in the order it was written.
    pub(super) select: Option<Vec<String>>,
    /// `$filter=property eq 'value'`.
    pub(super) filter: Option<(String, String)>,
    /// `$count=true`.
    pub(super) count: bool,
    /// `$top`, or what stands for it.
    pub(super) page: usize,
    /// How many objects earlier pages had.
    pub(super) skip: usize,
    /// The options without `$skiptoken`, as they were written, for the next link.
    pub(super) repeated: String,
    /// Whether a page was asked for at all.
    pub(super) top: Option<usize>,
}

impl Options {
    pub(super) fn parse(query: &str) -> Result<Self, Refusal> {
        let mut options = Self { page: DEFAULT_PAGE, ..Self::default() };
        let kept = query.split('&').filter(|part| !part.is_empty() && !is_skip_token(part));
        options.repeated = kept.collect::<Vec<_>>().join("&");
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match name.as_ref() {
                "$select" => options.select = Some(value.split(',').map(|name| name.trim().to_owned()).collect()),
                "$top" => {
                    options.page = page_size(&value)?;
                    options.top = Some(options.page);
                }
                "$filter" => options.filter = Some(equality(&value)?),
                "$count" => options.count = value.eq_ignore_ascii_case("true"),
                "$skiptoken" => options.skip = position(&value)?,
                "$search" => {
                    return Err(Refusal::unsupported(
                        "Request with $search query parameter only works through MSGraph with a special request header: \
                         'ConsistencyLevel: eventual'",
                    ));
                }
                "$skip" => return Err(Refusal::bad_request("'$skip' is not supported by the service.")),
                "$expand" | "$orderby" => {
                    return Err(Refusal::unsupported(format!("{name} is not supported by the simulated tenant.")));
                }
                unknown if unknown.starts_with('$') => {
                    return Err(Refusal::unparsable(format!("The query parameter '{unknown}' is not supported.")));
                }
                _ => {}
            }
        }
        Ok(options)
    }
}

fn is_skip_token(part: &str) -> bool {
    part.starts_with("$skiptoken=") || part.starts_with("%24skiptoken=")
}

fn page_size(value: &str) -> Result<usize, Refusal> {
    match value.parse() {
        Ok(size) if (1..=LARGEST_PAGE).contains(&size) => Ok(size),
        _ => Err(Refusal::unsupported(format!(
            "Invalid page size specified: '{value}'. Must be between 1 and {LARGEST_PAGE} inclusive."
        ))),
    }
}

/// Only the simplest filter is simulated.
fn equality(value: &str) -> Result<(String, String), Refusal> {
    let refused = || Refusal::unsupported(format!("Unsupported or invalid query filter clause specified: '{value}'."));
    let (property, literal) = value.split_once(" eq ").ok_or_else(refused)?;
    let literal = literal.trim().strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')).ok_or_else(refused)?;
    Ok((property.trim().to_owned(), literal.replace("''", "'")))
}

/// The opaque token for the page that starts after `skip` objects.
pub(super) fn skip_token(skip: usize) -> String {
    URL_SAFE_NO_PAD.encode(format!("RFSpt\u{2}{skip:020}"))
}

fn position(token: &str) -> Result<usize, Refusal> {
    let bytes = URL_SAFE_NO_PAD.decode(token).unwrap_or_default();
    let text = String::from_utf8(bytes).unwrap_or_default();
    text.strip_prefix("RFSpt\u{2}").and_then(|digits| digits.parse().ok()).ok_or_else(|| {
        Refusal::new(
            StatusCode::BAD_REQUEST,
            "Directory_ExpiredPageToken",
            "The specified page token value has expired and can no longer be used.",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_the_skip_token_is_not_repeated() {
        let query = format!("$select=id,%20appId&$top=50&$skiptoken={}", skip_token(150));
        let options = Options::parse(&query).unwrap();
        assert_eq!(options.select.unwrap(), ["id", "appId"]);
        assert_eq!((options.page, options.skip), (50, 150));
        assert_eq!(options.repeated, "$select=id,%20appId&$top=50");
    }

    #[test]
    fn what_graph_refuses_is_refused() {
        for (query, code) in [
            ("$top=0", "Request_UnsupportedQuery"),
            ("$top=1000", "Request_UnsupportedQuery"),
            ("$top=many", "Request_UnsupportedQuery"),
            ("$filter=passwordCredentials/any(p:p/endDateTime le 2026-01-01T00:00:00Z)", "Request_UnsupportedQuery"),
            ("$search=\"displayName:x\"", "Request_UnsupportedQuery"),
            ("$skip=5", "Request_BadRequest"),
            ("$skiptoken=mine", "Directory_ExpiredPageToken"),
            ("$selct=id", "BadRequest"),
        ] {
            assert_eq!(Options::parse(query).unwrap_err().code, code, "{query}");
        }
    }
}
