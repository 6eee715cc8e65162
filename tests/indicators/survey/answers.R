# How `answers.csv` and `schools.csv` were made: R 4.2.2, package survey 4.1.1 (Lumley), its data set `apistrat`, the stratified
# sample of 200 Californian schools by type that the package's own examples use. Rscript answers.R
suppressMessages(library(survey))
data(api)
options(survey.lonely.psu = "adjust") # a stratum of one record: its deviation from the mean of all
a <- apistrat
for (v in c("sch.wide", "awards", "comp.imp")) a[[v]] <- as.numeric(a[[v]] == "Yes")
a$w <- a$pw * (1 + a$comp.imp) # weights that differ within a stratum
a$lone <- ifelse(seq_len(nrow(a)) == 1, "L", as.character(a$stype))
write.csv(a[, c("stype", "lone", "sch.wide", "awards", "comp.imp", "w")], "schools.csv", row.names = FALSE, quote = FALSE)

designs <- list(
  stratified_population = svydesign(~1, strata = ~stype, weights = ~pw, fpc = ~fpc, data = a),
  stratified = svydesign(~1, strata = ~stype, weights = ~1, data = a),
  stratified_weights = svydesign(~1, strata = ~stype, weights = ~w, data = a),
  weights = svydesign(~1, weights = ~w, data = a),
  lone = svydesign(~1, strata = ~lone, weights = ~w, data = a)
)
sink("answers.csv")
cat("design,question,among,share,error\n")
for (n in names(designs)) {
  d <- designs[[n]]
  line <- function(question, among, m) cat(sprintf("%s,%s,%s,%.10f,%.10f\n", n, question, among, coef(m), SE(m)))
  line("sch.wide", "", svymean(~sch.wide, d))
  for (t in c("E", "H", "M")) line("sch.wide", paste0("sector=", t), svymean(~sch.wide, subset(d, stype == t)))
  for (c in 0:1) line("sch.wide", c("is_new=false", "is_new=true")[c + 1], svymean(~sch.wide, subset(d, comp.imp == c)))
  line("awards", "", svyratio(~awards, ~sch.wide, d))
  line("awards", "is_new=true", svyratio(~awards, ~sch.wide, subset(d, comp.imp == 1)))
}
sink()
