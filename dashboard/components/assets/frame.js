// The frame is a style sheet for the whole page. What colours it needs of the theme it hands on to the document.
const LOADED_AT = location.pathname;

export default function ({ parentElement }) {
  const theme = getComputedStyle(parentElement);
  const root = document.documentElement.style;
  root.setProperty("--helios-surface", theme.getPropertyValue("--st-code-background-color"));
  root.setProperty("--helios-ground", theme.getPropertyValue("--st-background-color"));
  root.setProperty("--helios-text", theme.getPropertyValue("--st-text-color"));
}

/** Streamlit keeps the choice of light or dark for the page on which it was made: let it hold for all of ours. */
function spreadTheme() {
  const chosen = themeKey(LOADED_AT);
  for (const link of document.querySelectorAll('[data-testid="stSidebarNavLink"]')) {
    const value = localStorage.getItem(chosen);
    const key = themeKey(new URL(link.href).pathname);
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  }
}

function themeKey(path) {
  return `stActiveTheme-${path}-v2`;
}

addEventListener("pagehide", spreadTheme);
