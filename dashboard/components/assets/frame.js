// The frame is a style sheet for the whole page: what no setting of the theme can say.
export default function () {}
