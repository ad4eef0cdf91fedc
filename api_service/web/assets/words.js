/** Wording for one's own list and for somebody else's. */

export const YOURS = {
  who: "you", order: "As in your list", rating: "Your rating", give: "You give these films ", gave: "You gave",
  against: "Your ratings against TMDB’s", liked: "You liked more than most", disliked: "You liked less than most",
};

export const THEIRS = {
  who: "they", order: "As in the list", rating: "Their rating", give: "They give these films ", gave: "They gave",
  against: "Their ratings against TMDB’s", liked: "They liked more than most", disliked: "They liked less than most",
};
