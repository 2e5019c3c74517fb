// The frame is a style sheet for the whole page. What colours it needs of the theme it hands on to the document.
export default function ({ parentElement }) {
  const theme = getComputedStyle(parentElement);
  const root = document.documentElement.style;
  root.setProperty("--helios-surface", theme.getPropertyValue("--st-code-background-color"));
  root.setProperty("--helios-text", theme.getPropertyValue("--st-text-color"));
}
